import { describe, expect, test } from "vitest";
import type { FinetuneInput } from "../options/finetune-options.js";
import { floatsOf, type RawTensor } from "../testing/tensors.js";
import { type TinyCheckpointOptions, tinyArchitectures } from "../testing/tiny-checkpoint.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";

/** A tiny checkpoint, runs on it whose weights are in bfloat16, and the evaluation of what they write. */
async function workplace(checkpoint: TinyCheckpointOptions = {}) {
  const place = await tinyPlace(checkpoint, { train: tinyRows(128) });
  const { model, train: data } = place;
  const learning = { eval: data, learningRate: 1e-2, epochs: 12, evalEvery: 1000, density: 0.5, dropout: 0 };
  const run = (options: Partial<FinetuneInput> = {}) =>
    tinyRun({ ...learning, weights: "bfloat16", ...options }, place);
  const measure = async (at: string) =>
    (await evaluate({ model: at, data, text: "sentence", label: "label", batchSize: 8, threads: 1 })).evaluation;
  return { model, run, measure };
}

const isNarrow = (name: string) => /(embeddings|query|key|value|dense|lin\d?|_lin)\.weight$/.test(name);

test.each(tinyArchitectures)("%s learns as much as in float32", async (architecture) => {
  const { run } = await workplace({ architecture });
  const [narrow, full] = [
    await run({ stateDtype: "bfloat16", checkpointing: "stage" }),
    await run({ weights: "float32" }),
  ];
  expect(narrow.summary.evaluation.final.accuracy).toBeGreaterThan(0.9);
  expect(narrow.summary.evaluation.final.loss).toBeLessThan(2 * full.summary.evaluation.final.loss + 0.1);
});

test.each(["F32", "BF16"] as const)("a checkpoint in %s: what is evaluated is what is saved", async (dtype) => {
  const { model, run, measure } = await workplace({ dtype, head: { labels: 2 } });
  const { summary, folder } = await run({ steps: 5, epochs: undefined });
  const [before, after] = [await weightsOf(model), await weightsOf(folder)];
  for (const [name, tensor] of after) {
    const source = before.get(name) as RawTensor;
    expect(tensor.dtype, name).toBe(isNarrow(name) && !/classifier/.test(name) ? "BF16" : source.dtype);
  }
  expect(await measure(folder)).toEqual(summary.evaluation.final);
});

test("a checkpoint in bfloat16 starts from the very bits that float32 starts from", async () => {
  const { run } = await workplace({ dtype: "BF16", head: { labels: 2 } });
  const options = { steps: 1, epochs: undefined };
  const [narrow, full] = [await run(options), await run({ ...options, weights: "float32" })];
  expect(narrow.summary.evaluation.before).toEqual(full.summary.evaluation.before);
});

describe("unless told otherwise", () => {
  const once = { weights: "keep", steps: 3, epochs: undefined } as const;

  test("a checkpoint in bfloat16 is held in it, one in float32 is not", async () => {
    for (const [dtype, weights] of [
      ["BF16", "bfloat16"],
      ["F32", "float32"],
    ] as const) {
      const { run } = await workplace({ dtype, head: { labels: 2 } });
      const [kept, told] = [await run(once), await run({ ...once, weights })];
      expect(kept.summary.evaluation, dtype).toEqual(told.summary.evaluation);
      expect(kept.summary.optimizerStateBytes, dtype).toBe(told.summary.optimizerStateBytes);
    }
  });

  test.each([{ saveDtype: "float32" }, { optimizer: "adamw" }] as const)(
    "with %j it is held in float32, which loses nothing",
    async (options) => {
      const { run } = await workplace({ dtype: "BF16", head: { labels: 2 } });
      const [kept, told] = [await run({ ...once, ...options }), await run({ ...once, ...options, weights: "float32" })];
      expect(kept.summary.evaluation).toEqual(told.summary.evaluation);
    },
  );
});

test("only selected entries move, and they are counted", async () => {
  const { model, run } = await workplace({ dtype: "BF16", head: { labels: 2 } });
  const { summary, folder } = await run({ steps: 6, epochs: undefined, density: 0.05, staticMask: true });
  const [before, after] = [await weightsOf(model), await weightsOf(folder)];
  let changed = 0;
  for (const [name, tensor] of after) {
    const [was, is] = [floatsOf(before.get(name) as RawTensor), floatsOf(tensor)];
    const moved = is.filter((value, entry) => value !== was[entry]).length;
    changed += moved;
    if (isNarrow(name) && !/classifier/.test(name)) expect(moved / is.length, name).toBeLessThan(0.07);
  }
  const { everChanged, meanShift } = summary.parameters;
  expect(meanShift).toBeGreaterThan(0);
  // What is rounded when it is saved may fall back to where it was.
  expect(changed).toBeGreaterThan(0);
  expect(everChanged.count).toBe(changed);
});

test("an adapter is trained by any optimizer beside weights in bfloat16, which stay as they are", async () => {
  const { run, measure } = await workplace({ dtype: "BF16", head: { labels: 2 } });
  const { summary, folder } = await run({ optimizer: "adamw", loraRank: 4, loraTargets: "all-linear" });
  expect(summary.evaluation.final.accuracy).toBeGreaterThan(0.9);
  // Read in float32, the adapter's product is added to the weights instead of computed beside them.
  expect((await measure(folder)).loss).toBeCloseTo(summary.evaluation.final.loss, 4);
});

describe("what would be updated whole cannot be in bfloat16", () => {
  test.each([
    [{ optimizer: "adamw" }, "`weights` cannot be bfloat16 with adamw"],
    [{ fromScratch: true }, "`weights` cannot be bfloat16 with `fromScratch`"],
  ] as const)("%j", async (options, message) => {
    const { run } = await workplace();
    await expect(run(options)).rejects.toThrow(message);
  });
});
