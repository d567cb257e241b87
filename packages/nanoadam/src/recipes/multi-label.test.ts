/** Several labels a text from beginning to end: trained, measured, predicted, saved and opened again. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { metricOf } from "../compare/metric.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { type TinyPlace, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { writeMultiLabelData } from "../testing/tiny-tasks.js";
import { evaluate } from "./evaluate.js";
import { predict } from "./predict.js";

const base: Partial<FinetuneInput> = { task: "multi-label", text: "sentence", label: "good,bad,film" };
const long = { learningRate: 1e-2, steps: 300, density: 0.5, dropout: 0, evalEvery: 1000 } as const;

async function labelled(place: TinyPlace) {
  const train = await writeMultiLabelData(place.folder, "train", 100);
  const test = await writeMultiLabelData(place.folder, "test", 25, 7);
  return { train, test };
}

test("labels are learned, whatever form the data have, and the written folder is measured and asked alike", async () => {
  const place = await tinyPlace();
  const { train, test } = await labelled(place);
  const { folder, summary } = await tinyRun({ ...base, ...long, train: train.columns, eval: test.columns }, place);
  const { final } = summary.evaluation;
  expect(Object.keys(final)).toEqual(["loss", "f1", "macroF1", "accuracy"]);
  expect(final.f1).toBeGreaterThan(0.9);
  expect(JSON.parse(await readFile(join(folder, "config.json"), "utf8"))).toMatchObject({
    architectures: ["BertForSequenceClassification"],
    problem_type: "multi_label_classification",
    id2label: { "0": "good", "1": "bad", "2": "film" },
  });
  for (const [data, label] of [
    [test.columns, ["film", "good", "bad"]],
    [test.bars, "labels"],
  ] as const) {
    const report = await evaluate({ model: folder, data, text: "sentence", label, batchSize: 7, threads: 1 });
    expect(report).toMatchObject({ task: "multi-label", examples: 25 });
    for (const [name, value] of Object.entries(final)) {
      expect(report.evaluation[name], name).toBeCloseTo(value ?? Number.NaN, 5);
    }
  }
  const predictions = await predict({ model: folder, data: test.bars, text: "sentence", batchSize: 4, threads: 1 });
  const right = predictions.filter((prediction, index) => {
    if (!("labels" in prediction)) throw new Error("expected labels");
    const { labels, probabilities } = prediction;
    expect(Object.keys(probabilities)).toEqual(["good", "bad", "film"]);
    for (const [name, value] of Object.entries(probabilities)) expect(labels.includes(name)).toBe(value > 0.5);
    return [...labels].sort().join() === [...(test.labels[index] ?? [])].sort().join();
  });
  expect(right.length / predictions.length).toBeCloseTo(final.accuracy ?? Number.NaN, 6);
});

test("two batches of four whose gradients are accumulated make the same step as one of eight", async () => {
  const place = await tinyPlace();
  const { train } = await labelled(place);
  const { columns: data } = train;
  const options = { ...base, train: data, eval: data, limitTrain: 8, limitEval: 8, steps: 3, dropout: 0, logEvery: 1 };
  const whole = await tinyRun({ ...options, batchSize: 8 }, place);
  const halves = await tinyRun({ ...options, batchSize: 4, accumulate: 2 }, place);
  expect(whole.steps).toHaveLength(3);
  for (const [step, { loss, gradientNorm }] of whole.steps.entries()) {
    expect(halves.steps[step]?.loss).toBeCloseTo(loss, 5);
    expect(halves.steps[step]?.gradientNorm).toBeCloseTo(gradientNorm, 4);
  }
});

test("an adapter of it is PEFT's SEQ_CLS; pairs of texts, a held-out part and names in one column", async () => {
  const place = await tinyPlace();
  const { train } = await labelled(place);
  const options = { train: train.bars, eval: undefined, text: "sentence,sentence", label: "labels", loraRank: 2 };
  const { folder, summary } = await tinyRun({ ...base, ...options }, place);
  expect(summary.examples).toMatchObject({ train: 80, evaluation: 20 });
  const adapter = JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8"));
  expect(adapter).toMatchObject({ task_type: "SEQ_CLS" });
  const [prediction] = await predict({ model: folder, text: "good", textPair: "film", threads: 1 });
  expect(prediction).toMatchObject({ text: "good", textPair: "film", labels: expect.any(Array) });
});

test("a published checkpoint of several labels is asked and measured by sigmoids", async () => {
  const config = {
    problem_type: "multi_label_classification",
    id2label: { "0": "toxic", "1": "insult", "2": "threat" },
    label2id: { toxic: 0, insult: 1, threat: 2 },
  };
  const place = await tinyPlace({ head: { labels: 3 }, config });
  const [prediction] = await predict({ model: place.model, text: "a bad film", threads: 1 });
  if (prediction === undefined || !("labels" in prediction)) throw new Error("expected labels");
  const { probabilities } = prediction;
  // Those of a softmax would add up to one.
  expect(Object.values(probabilities).reduce((sum, value) => sum + value, 0)).not.toBeCloseTo(1, 2);
  const data = join(place.folder, "train.tsv");
  await expectRefusal(evaluate({ model: place.model, data, text: "sentence" }), '"good" is unknown');
  const { train } = await labelled(place);
  await expectRefusal(
    evaluate({ model: place.model, data: train.bars, text: "sentence", label: "labels" }),
    /the label "(good|bad|film)" is unknown, expected one of "toxic", "insult", "threat"/,
  );
});

describe("refused", () => {
  test("what does not go with it, before anything is written", async () => {
    const place = await tinyPlace();
    const { train, test } = await labelled(place);
    const refusal = (options: Partial<FinetuneInput>, ...says: string[]) =>
      expectRefusal(tinyRun({ ...base, train: train.columns, eval: test.columns, ...options }, place), ...says);
    await refusal({ label: undefined }, "`label` is needed, as the names of the columns of");
    await refusal({ label: "good,sentence" }, 'train.csv, line 2: "sentence" is "', "expected 1 or 0");
    await refusal({ classWeights: "balanced" }, "`classWeights` cannot go with multi-label");
    await refusal({ eval: test.bars, label: "labels" }, 'train.csv has no column "labels"');
    await refusal({ task: "classification" }, "`label` is one column for classification");
  });
});

test("comparisons rank it by F1", () => {
  expect(metricOf("multi-label")).toEqual({ name: "f1", better: "higher" });
});
