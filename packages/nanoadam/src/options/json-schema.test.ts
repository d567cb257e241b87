import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import { finetuneSchema } from "./finetune-options.js";
import { jsonSchemaOfOptions, schemaFile } from "./json-schema.js";
import { loadPreset, presetNames } from "./option-files.js";

const read = async () =>
  JSON.parse(await readFile(new URL(`../../presets/${schemaFile}`, import.meta.url), "utf8")) as Record<
    string,
    unknown
  >;

test("the schema of the package is that of the options (npm run schema writes it)", async () => {
  expect(await read()).toEqual(jsonSchemaOfOptions());
});

test("it describes every option", () => {
  const { properties } = jsonSchemaOfOptions() as { properties: Record<string, { description?: string }> };
  expect(Object.keys(properties)).toEqual(Object.keys(finetuneSchema.shape));
  for (const [option, { description }] of Object.entries(properties)) expect(description, option).toMatch(/\w/);
});

test("a reader of JSON Schema takes all presets of a run by it, and no option that there is not, or that is out of range", async () => {
  const schema = z.fromJSONSchema((await read()) as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (options: object) => schema.safeParse(options).success;
  const ofOneRun = (await presetNames()).filter((name) => !name.startsWith("study/"));
  for (const name of ofOneRun) expect(accepts(await loadPreset(name)), name).toBe(true);
  expect(accepts({ model: "bert", text: ["a", "b"], learningRate: "auto", saveEvery: "epoch" })).toBe(true);
  for (const wrong of [{ lerningRate: 1 }, { density: 2 }, { optimizer: "adam" }, { train: 3 }, { saveEvery: "day" }]) {
    expect(accepts(wrong), JSON.stringify(wrong)).toBe(false);
  }
});
