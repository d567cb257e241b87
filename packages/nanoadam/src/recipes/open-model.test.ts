import { describe, expect, test } from "vitest";
import { dataSource } from "../data/source.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { evaluateModel } from "../train/evaluation.js";
import { type OpenModel, openModel } from "./open-model.js";
import { encodeTexts, type Prediction, predictEncoded, predictTexts } from "./predict.js";

/** A fine-tuned tiny model, opened, and texts of many lengths. */
async function opened(): Promise<{ readonly model: OpenModel; readonly texts: string[]; readonly file: string }> {
  const place = await tinyPlace();
  const { folder } = await tinyRun({}, place);
  const words = tinyRows(20).map(({ sentence }) => sentence);
  const texts = words.map((_, index) => words.slice(index, index + 1 + (index % 8)).join(" "));
  return { model: await openModel(folder, { threads: 1 }), texts, file: place.evaluation };
}

const numbersOf = (predictions: readonly Prediction[]) =>
  predictions.map((prediction) => ("probabilities" in prediction ? Object.values(prediction.probabilities) : []));

describe("calls that overlap on one opened model", () => {
  test("get each their own predictions", async () => {
    const { model, texts } = await opened();
    const alone: Prediction[][] = [];
    for (const text of texts) alone.push(await predictTexts(model, [{ text }]));
    const together = await Promise.all(texts.map((text) => predictTexts(model, [{ text }])));
    expect(together.map((predictions) => predictions.map(({ text }) => text))).toEqual(texts.map((text) => [text]));
    expect(together.map(numbersOf)).toEqual(alone.map(numbersOf));
    expect(new Set(together.map((predictions) => JSON.stringify(numbersOf(predictions)))).size).toBeGreaterThan(10);
    await model.release();
  });

  test("may be evaluations and predictions at a time, though both share one memory", async () => {
    const { model, texts, file } = await opened();
    const source = dataSource(file, { text: ["sentence"], label: ["label"] });
    const dataset = await model.task.read(source);
    const measure = () =>
      evaluateModel({ task: model.task, dataset, batchSize: 4, programs: model.evaluationPrograms });
    const label = () =>
      predictTexts(
        model,
        texts.map((text) => ({ text })),
        { batchSize: 3 },
      );
    const [evaluation, predictions] = [await measure(), await label()];
    const both = await Promise.all([measure(), label(), measure(), label()]);
    expect(both[0]).toEqual(evaluation);
    expect(both[2]).toEqual(evaluation);
    expect(numbersOf(both[1])).toEqual(numbersOf(predictions));
    expect(numbersOf(both[3])).toEqual(numbersOf(predictions));
    await model.release();
  });

  test("end their batch before the model is released, and fail afterwards", async () => {
    const { model, texts } = await opened();
    const running = predictEncoded(model, await encodeTexts(model, [{ text: texts[0] ?? "" }]));
    await Promise.all([running, model.release()]);
    expect(await running).toHaveLength(1);
    await expect(predictTexts(model, [{ text: "good" }])).rejects.toThrow("the model was released");
  });
});
