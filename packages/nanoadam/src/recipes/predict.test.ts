import { describe, expect, test } from "vitest";
import type { PredictInput } from "../options/saved-model-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyRows } from "../testing/tiny-data.js";
import { evaluationRows, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { predict } from "./predict.js";

test("predictions come in the order of the rows, with probabilities that add up to one", async () => {
  const place = await tinyPlace({}, { train: tinyRows(128) });
  const { folder } = await tinyRun(
    { learningRate: 1e-2, steps: 100, density: 0.5, dropout: 0, evalEvery: 1000 },
    place,
  );
  const predictions = await predict({
    model: folder,
    data: place.evaluation,
    text: "sentence",
    batchSize: 5,
    threads: 1,
  });
  const rows = evaluationRows;
  expect(predictions.map(({ text }) => text)).toEqual(rows.map(({ sentence }) => sentence));
  let right = 0;
  for (const [i, prediction] of predictions.entries()) {
    if (!("label" in prediction)) throw new Error("expected labels");
    const { label, probability, probabilities } = prediction;
    expect(Object.keys(probabilities)).toEqual(["bad", "good"]);
    expect((probabilities.bad ?? 0) + (probabilities.good ?? 0)).toBeCloseTo(1, 6);
    expect(probability).toBe(probabilities[label]);
    expect(probability).toBeGreaterThanOrEqual(0.5);
    if (label === rows[i]?.label) right++;
  }
  expect(right).toBeGreaterThan(21);
  const [alone] = await predict({ model: folder, text: rows[3]?.sentence ?? "", threads: 1 });
  expect(alone).toMatchObject({ label: (predictions[3] as { label?: string }).label });
});

test("a regression predicts numbers, and pairs of texts are taken as pairs", async () => {
  const place = await tinyPlace();
  const { folder } = await tinyRun({ task: "regression", label: "score", text: "sentence,reply" }, place);
  const [first] = await predict({ model: folder, data: place.evaluation, text: "sentence,reply", threads: 1 });
  const [row] = evaluationRows;
  expect(first).toEqual({ text: row?.sentence, textPair: row?.reply, value: expect.any(Number) });
  const [same] = await predict({ model: folder, text: row?.sentence ?? "", textPair: row?.reply ?? "", threads: 1 });
  expect((same as { value?: number }).value).toBeCloseTo((first as { value: number }).value, 5);
});

describe("refused", () => {
  test.each(["none", "bare"] as const)("a checkpoint without a head (%s)", async (head) => {
    const { model } = await tinyPlace({ head });
    await expectRefusal(
      predict({ model, text: "good film" }),
      `${model} has no classification head`,
      "classifier.weight",
      "run nanoadam finetune first",
    );
  });

  test("a head of another size than the labels, which is not missing", async () => {
    const labels = { id2label: { 0: "a", 1: "b", 2: "c" }, label2id: { a: 0, b: 1, c: 2 } };
    const { model } = await tinyPlace({ head: { labels: 2 }, config: labels });
    await expectRefusal(
      predict({ model, text: "good film" }),
      "classifier.weight has 2 rows, but config.json names 3 labels",
    );
  });

  test("columns that are not there or too many, and columns beside a pair", async () => {
    const place = await tinyPlace();
    const { folder: model } = await tinyRun({}, place);
    const refusal = (options: Omit<PredictInput, "model">, message: string) =>
      expectRefusal(predict({ model, data: place.evaluation, ...options }), message);
    await refusal({ text: "review" }, 'eval.tsv has no column "review"');
    await refusal({ text: "a,b,c" }, '`text` is "a,b,c", expected one column or two');
    await refusal({ text: "sentence", textPair: "good" }, "`textPair` cannot go with `data`");
  });

  test("a masked-lm checkpoint, which has nothing to say of whole texts", async () => {
    const { folder: model } = await tinyRun({ task: "masked-lm", label: undefined });
    await expectRefusal(predict({ model, text: "good" }), model, "masked-lm");
  });
});
