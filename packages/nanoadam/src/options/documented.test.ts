/** Options as an editor shows them: each has a comment where it is declared for programs. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { applySchema, deltaSchema } from "./delta-options.js";
import { finetuneSchema } from "./finetune-options.js";
import { pruneSchema } from "./prune-options.js";
import { pushSchema } from "./push-options.js";
import {
  evaluateAnswersSchema,
  evaluateSchema,
  exportSchema,
  predictFileSchema,
  predictSchema,
} from "./saved-model-options.js";

const folder = new URL("./", import.meta.url);
const sources = readdirSync(folder)
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
  .map((name) => readFileSync(new URL(name, folder), "utf8"));
/** The types that programs give options by. */
const inputs = sources.flatMap((text) => text.match(/^(?:export )?interface \w+Input\b[\s\S]*?^\}/gm) ?? []).join("\n");

const namesIn = (property: RegExp) => new Set([...inputs.matchAll(property)].map(([, name]) => name));
const documented = namesIn(/\*\/\n {2}readonly (\w+)\??:/g);
const bare = namesIn(/(?<!\*\/)\n {2}readonly (\w+)\??:/g);

test.each(
  Object.entries({
    finetuneSchema,
    evaluateSchema,
    evaluateAnswersSchema,
    predictSchema,
    predictFileSchema,
    exportSchema,
    deltaSchema,
    applySchema,
    pruneSchema,
    pushSchema,
  }),
)("every option of %s has a comment in its type", (_, { shape }) => {
  const options = Object.keys(shape);
  expect(options.length).toBeGreaterThan(2);
  expect(options.filter((option) => !documented.has(option) || bare.has(option))).toEqual([]);
});
