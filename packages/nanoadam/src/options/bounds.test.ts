import { expect, test } from "vitest";
import type { z } from "zod";
import { compareSchema } from "../compare/options.js";
import { continualSchema } from "../continual/options.js";
import { expectRefusal } from "../testing/refusal.js";
import { finetuneSchema } from "./finetune-options.js";
import { parseOptions } from "./parse-options.js";
import { evaluateSchema, predictFileSchema } from "./saved-model-options.js";

const schemas = {
  finetune: finetuneSchema,
  evaluate: evaluateSchema,
  predict: predictFileSchema,
  compare: compareSchema,
  continual: continualSchema,
};

/** The numbers that a field may be: beneath its default, or one of its forms. */
function numbersOf(field: z.core.$ZodType): z.ZodNumber[] {
  const { def } = (field as z.ZodType)._zod as {
    readonly def: { type: string; innerType?: z.ZodType; options?: z.ZodType[] };
  };
  if (def.type === "number") return [field as z.ZodNumber];
  return [def.innerType ?? [], def.options ?? []].flat().flatMap(numbersOf);
}

const numbers = Object.entries(schemas).flatMap(([command, schema]) =>
  Object.entries(schema.shape).flatMap(([option, field]) =>
    numbersOf(field).map((number) => [command, option, number] as const),
  ),
);

test("every number has an upper bound", () => {
  expect(numbers.length).toBeGreaterThan(50);
  for (const [command, option, { maxValue }] of numbers) {
    expect(maxValue, `${option} of ${command}`).toBeLessThan(1e39);
    expect(maxValue, `${option} of ${command}`).not.toBe(Number.MAX_SAFE_INTEGER);
  }
});

const given = { model: "bert", train: "a.tsv", text: "text", label: "label", output: "out" };

test.each([
  [{ threads: 512 }, "`threads` is 512, expected at most 256"],
  [{ loraRank: 1_000_000 }, "`loraRank` is 1000000, expected at most 1024"],
  [{ optimizer: "microadam", microadamWindow: 1e9 }, "`microadamWindow` is 1000000000, expected at most 1000"],
  [{ microadamWindow: 1000, microadamDensity: 1 }, "`microadamWindow` times `microadamDensity` is more than the 10"],
  [{ seed: 2 ** 32 }, "`seed` is 4294967296, expected at most 4294967295"],
  [{ steps: 1e300 }, "`steps` is 1e+300, expected at most"],
])("%j", async (options, says) => {
  await expectRefusal(() => parseOptions(finetuneSchema, { ...given, ...options }), says);
});

test("whatever a program gives as an option is refused with one line", async () => {
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [7n, circle, Symbol("seed"), () => 1, "1".repeat(1e6), { a: circle }]) {
    await expectRefusal(
      () => parseOptions(finetuneSchema, { ...given, seed: value }),
      "`seed` is ",
      "expected a number",
    );
  }
  for (const options of [null, undefined, 7n, "text"]) {
    await expectRefusal(() => parseOptions(finetuneSchema, options), "the options are", "expected an object");
  }
  await expectRefusal(() => parseOptions(finetuneSchema, { ...given, ["x".repeat(1e6)]: 1 }), "there is no option");
});
