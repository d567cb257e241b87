/** Named entities from beginning to end: trained, measured, predicted, saved and opened again. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { metricOf } from "../compare/metric.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyArchitectures } from "../testing/tiny-checkpoint.js";
import { type TinyPlace, tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { writeTaggedData } from "../testing/tiny-tasks.js";
import { evaluate } from "./evaluate.js";
import { predict } from "./predict.js";

const base: Partial<FinetuneInput> = { task: "token-classification", text: undefined, label: undefined };
const long = { learningRate: 1e-2, steps: 100, density: 0.5, dropout: 0, evalEvery: 1000 } as const;

async function tagged(place: TinyPlace) {
  const train = await writeTaggedData(place.folder, "train", 96);
  const test = await writeTaggedData(place.folder, "test", 24, 7);
  return { train, test };
}

const configOf = async (folder: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(folder, "config.json"), "utf8"));

test("entities are learned, whatever form the data have, and the written folder is measured and asked alike", async () => {
  const place = await tinyPlace();
  const { train, test } = await tagged(place);
  const { folder, summary } = await tinyRun({ ...base, ...long, train: train.jsonl, eval: test.conll }, place);
  const { final } = summary.evaluation;
  expect(Object.keys(final)).toEqual(["loss", "f1", "precision", "recall", "accuracy"]);
  expect(final.f1).toBeGreaterThan(0.9);
  expect(await configOf(folder)).toMatchObject({
    architectures: ["BertForTokenClassification"],
    id2label: { "0": "B-BAD", "1": "B-GOOD", "2": "O" },
    label2id: { "B-BAD": 0, "B-GOOD": 1, O: 2 },
  });
  expect(await configOf(folder)).not.toHaveProperty("problem_type");
  for (const data of [test.conll, test.jsonl]) {
    const report = await evaluate({ model: folder, data, batchSize: 5, threads: 1 });
    expect(report).toMatchObject({ task: "token-classification", examples: 24, truncated: 0 });
    for (const [name, value] of Object.entries(final)) {
      expect(report.evaluation[name], name).toBeCloseTo(value ?? Number.NaN, 5);
    }
  }
  const [alone] = await predict({ model: folder, text: "this  film was good", threads: 1 });
  const goodAt = { entity_group: "GOOD", score: expect.any(Number), word: "good", start: 15, end: 19 };
  expect(alone).toEqual({ text: "this  film was good", entities: [goodAt] });
  const fromLines = await predict({ model: folder, data: test.conll, batchSize: 7, threads: 1 });
  expect(fromLines).toHaveLength(24);
  const fromLists = await predict({ model: folder, data: test.jsonl, text: "tokens", threads: 1 });
  expect(fromLists.map(({ text }) => text)).toEqual(fromLines.map(({ text }) => text));
});

test.each(tinyArchitectures)("%s has such a head, and reads what it wrote", async (architecture) => {
  const place = await tinyPlace({ architecture });
  const { train, test } = await tagged(place);
  const { folder, summary } = await tinyRun({ ...base, train: train.conll, eval: test.jsonl }, place);
  const again = await evaluate({ model: folder, data: test.jsonl, threads: 1 });
  expect(again.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss ?? Number.NaN, 5);
  const further = await tinyRun({ ...base, model: folder, train: train.conll, eval: test.jsonl, steps: 1 }, place);
  expect(further.summary.initialised).toEqual([]);
  expect(further.evaluations[0]?.eval.loss).toBeCloseTo(summary.evaluation.final.loss ?? Number.NaN, 5);
});

test("two batches of four whose gradients are accumulated make the same step as one of eight", async () => {
  const place = await tinyPlace();
  const { train } = await tagged(place);
  const options = { ...base, train: train.jsonl, eval: train.jsonl, limitTrain: 8, limitEval: 8, steps: 3, dropout: 0 };
  const whole = await tinyRun({ ...options, batchSize: 8, logEvery: 1 }, place);
  const halves = await tinyRun({ ...options, batchSize: 4, accumulate: 2, logEvery: 1 }, place);
  expect(whole.steps).toHaveLength(3);
  for (const [step, { loss, gradientNorm }] of whole.steps.entries()) {
    expect(halves.steps[step]?.loss).toBeCloseTo(loss, 5);
    expect(halves.steps[step]?.gradientNorm).toBeCloseTo(gradientNorm, 4);
  }
});

test("a held-out part, a limit and ids without names", async () => {
  const place = await tinyPlace({ config: { problem_type: "regression" } });
  const { train } = await tagged(place);
  const ids = join(place.folder, "ids.jsonl");
  const text = await readFile(train.jsonl, "utf8");
  await writeFile(ids, text.replaceAll('"O"', "0").replaceAll('"B-GOOD"', "1").replaceAll('"B-BAD"', "2"));
  const { folder, summary } = await tinyRun({ ...base, train: ids, eval: undefined, limitTrain: 40 }, place);
  expect(summary.examples).toMatchObject({ train: 32, evaluation: 8 });
  expect((await configOf(folder)).id2label).toEqual({ "0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2" });
  expect((await evaluate({ model: folder, data: ids, threads: 1 })).task).toBe("token-classification");
});

test("an adapter of it is PEFT's TOKEN_CLS, with its head stored whole", async () => {
  const place = await tinyPlace();
  const { train, test } = await tagged(place);
  const { folder, summary } = await tinyRun({ ...base, train: train.jsonl, eval: test.jsonl, loraRank: 2 }, place);
  const adapter = JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8"));
  expect(adapter).toMatchObject({ task_type: "TOKEN_CLS", modules_to_save: ["classifier"] });
  const again = await evaluate({ model: folder, data: test.jsonl, threads: 1 });
  expect(again.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss ?? Number.NaN, 5);
});

describe("refused", () => {
  test("what does not go with it, before anything is written", async () => {
    const place = await tinyPlace();
    const { train, test } = await tagged(place);
    const refusal = (options: Partial<FinetuneInput>, ...says: string[]) =>
      expectRefusal(tinyRun({ ...base, train: train.jsonl, eval: test.jsonl, ...options }, place), ...says);
    await refusal({ text: "a,b" }, "`text` is one column for token-classification");
    await refusal({ label: ["a", "b"] }, "`label` is one column for token-classification");
    await refusal({ labelSmoothing: 0.1 }, "`labelSmoothing` cannot go with token-classification");
    await refusal({ train: place.train }, "train.tsv, line 2", "is no word");
    await refusal({ text: "sentence" }, 'no column "sentence"');
  });

  test("a pair of texts", async () => {
    const place = await tinyPlace();
    const { train } = await tagged(place);
    const { folder: model } = await tinyRun({ ...base, train: train.jsonl, eval: train.jsonl, steps: 1 }, place);
    await expectRefusal(predict({ model, text: "a", textPair: "b" }), "`textPair` cannot go with token-classification");
    await expectRefusal(predict({ model, data: train.jsonl, text: "a,b" }), '`text` is "a,b", expected one column');
    expect((await weightsOf(model)).get("classifier.weight")?.shape).toEqual([3, 16]);
  });
});

test("comparisons rank it by F1", () => {
  expect(metricOf("token-classification")).toEqual({ name: "f1", better: "higher" });
  expect(metricOf("token-classification", "loss")).toEqual({ name: "loss", better: "lower" });
});
