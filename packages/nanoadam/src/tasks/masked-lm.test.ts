import { describe, expect, test } from "vitest";
import { type Batch, tensorOf } from "../data/batch.js";
import { type Dataset, subset } from "../data/dataset.js";
import { textEncoder } from "../data/text/encoder.js";
import { InputError } from "../errors.js";
import { numberEncoder, numberTokenizer, tableSource } from "../testing/number-texts.js";
import { loadBatch } from "./load-batch.js";
import { maskedLm, maskedLmTask } from "./masked-lm.js";

const key = { seed: 1, step: 0 };
const task = maskedLmTask(numberEncoder);
const twentyTokens = (first: number) => Array.from({ length: 20 }, (_, i) => first + i).join(" ");

const numbers = (batch: Batch, name: string) => [...tensorOf(batch, name).data];

/** What a row of a batch has: its tokens, and what is to be predicted where. */
function rowOf(batch: Batch, row: number) {
  const [, size = 0] = tensorOf(batch, "input_ids").type.shape;
  const [positions, labels] = [numbers(batch, "predicted_positions"), numbers(batch, "labels")];
  return {
    ids: numbers(batch, "input_ids").slice(row * size, (row + 1) * size),
    targets: positions
      .map((position, place) => ({ position: position - row * size, label: labels[place] }))
      .filter(({ position }, place) => position >= 0 && position < size && place < batch.weight),
  };
}

describe("masked-lm", () => {
  test("has a head over the vocabulary, and shows the perplexity after the loss", () => {
    expect(task.head).toEqual({ kind: "language-model", predicts: "masked" });
    expect(maskedLm.metrics).toEqual(["loss", "perplexity", "accuracy"]);
    expect(task.predictor).toBeUndefined();
  });

  test("hides tokens by the key, and a loss is a mean over the hidden ones", async () => {
    const dataset = await task.read(tableSource(["text", twentyTokens(10)]));
    const load = (step: number) => loadBatch(task, dataset, { indices: [0], size: 24 }, { ...key, step });
    const batch = await load(0);
    expect(batch.weight).toBe(3);
    expect(numbers(batch, "label_weights").filter((weight) => weight === 1)).toHaveLength(3);
    expect(await load(0)).toEqual(batch);
    expect(numbers(await load(1), "predicted_positions")).not.toEqual(numbers(batch, "predicted_positions"));
  });

  test("predicts what a text had where it was hidden, in every row", async () => {
    const texts = [0, 1, 2].map((text) => twentyTokens(10 + 5 * text));
    const dataset = await task.read(tableSource(["text", ...texts]));
    const batch = await loadBatch(task, dataset, { indices: [2, 0, 1], size: 24 }, key);
    expect(batch.weight).toBe(9);
    for (const [row, text] of [2, 0, 1].entries()) {
      const original = [2, ...(texts[text] ?? "").split(" ").map(Number), 3, 9, 9];
      const { ids, targets } = rowOf(batch, row);
      expect(targets).toHaveLength(3);
      for (const { position, label } of targets) {
        expect(label).toBe(original[position]);
        // Never a special token or padding.
        expect(position).toBeGreaterThan(0);
        expect(position).toBeLessThan(21);
      }
      const hidden = new Set(targets.map(({ position }) => position));
      ids.forEach((id, position) => {
        if (!hidden.has(position)) expect(id).toBe(original[position]);
      });
    }
  });

  test("hides the same tokens of a text in whatever batch and subset it is", async () => {
    const texts = Array.from({ length: 12 }, (_, text) => twentyTokens(10 + text));
    const dataset = await task.read(tableSource(["text", ...texts]));
    const inBatch = async (from: Dataset<Parameters<typeof task.collate>[0][number]>, indices: number[], size = 24) =>
      loadBatch(task, from, { indices, size }, key);
    const alone = rowOf(await inBatch(dataset, [7]), 0);
    expect(alone.targets).toHaveLength(3);
    expect(rowOf(await inBatch(dataset, [3, 11, 7, 0]), 2)).toEqual(alone);
    expect(rowOf(await inBatch(subset(dataset, [5, 7]), [0, 1]), 1)).toEqual(alone);
    const padded = rowOf(await inBatch(dataset, [7], 32), 0);
    expect({ ...padded, ids: padded.ids.slice(0, 24) }).toEqual(alone);
  });

  test("has batches of one type for as many texts of a size, whatever is hidden", async () => {
    const dataset = await task.read(tableSource(["text", "10", twentyTokens(10), "11 12 13"]));
    const typesOf = async (indices: number[]) => {
      const { tensors } = await loadBatch(task, dataset, { indices, size: 24 }, key);
      return [...tensors].map(([name, { type }]) => [name, type]);
    };
    expect(await typesOf([0, 2])).toEqual(await typesOf([1, 0]));
  });

  test("reads the first rows alone where there is a limit", async () => {
    const dataset = await task.read(tableSource(["text", "10", "11", "12"], { limit: 2 }));
    expect(dataset.length).toBe(2);
    expect(() => dataset.load(2, key)).toThrow(RangeError);
  });

  test("collects the share of hidden tokens found, and the perplexity of the mean loss", async () => {
    const dataset = await task.read(tableSource(["text", twentyTokens(10)]));
    const batch = await loadBatch(task, dataset, { indices: [0], size: 24 }, key);
    const labels = numbers(batch, "labels");
    const logits = new Float32Array(labels.length * 50);
    // The first place in use is right; the others, and the places not in use, are not.
    labels.forEach((label, place) => {
      logits[place * 50 + (place === 0 ? label : 0)] = 1;
    });
    const metrics = task.metrics();
    metrics.add(logits, batch);
    expect(metrics.result(Math.log(7))).toEqual({ perplexity: expect.closeTo(7, 10), accuracy: 1 / 3 });
  });

  test("needs a mask token", () => {
    const without = textEncoder({ ...numberTokenizer, maskId: undefined }, 64);
    expect(() => maskedLmTask(without)).toThrow(InputError);
  });

  test("is the task of a configuration with such a head", () => {
    expect(maskedLm.matches({ architectures: ["BertForMaskedLM"] })).toBe(true);
    expect(maskedLm.matches({ architectures: ["BertForSequenceClassification"] })).toBe(false);
    expect(maskedLm.matches({})).toBe(false);
  });
});
