import { describe, expect, test } from "vitest";
import type { Batch } from "../data/batch.js";
import { lossOf, pytorchCrossEntropy, randomLogits } from "../testing/losses.js";
import { type TokenTarget, tokenLoss, tokenMetrics, tokenTargets } from "./language-model.js";
import { rowsOf } from "./logits.js";

const targets: TokenTarget[] = [
  { position: 3, label: 6 },
  { position: 1, label: 0 },
  { position: 12, label: 3 },
  { position: 9, label: 3 },
];

const batchOf = (used: readonly TokenTarget[], places: number): Batch => ({
  tensors: new Map(tokenTargets(used, places)),
  weight: used.length,
});

describe("tokens to predict", () => {
  test("have a place each; those that are left have weight 0", () => {
    const int32 = (...data: number[]) => ({ type: { dataType: "int32", shape: [6] }, data: Int32Array.from(data) });
    expect(tokenTargets(targets, 6)).toEqual([
      ["predicted_positions", int32(3, 1, 12, 9, 0, 0)],
      ["labels", int32(6, 0, 3, 3, 0, 0)],
      ["label_weights", { type: { dataType: "float32", shape: [6, 1] }, data: Float32Array.of(1, 1, 1, 1, 0, 0) }],
    ]);
  });

  test("are never more than there are places", () => {
    expect(() => tokenTargets(targets, 3)).toThrow(RangeError);
  });
});

test("the loss is the mean over the places in use; those without weight count for nothing", async () => {
  const rows = randomLogits(6, 7, 4, 1);
  const batch = batchOf(targets, 6);
  const found = (await lossOf(tokenLoss, rows, batch)) / batch.weight;
  const labels = targets.map(({ label }) => label);
  expect(found).toBeCloseTo(pytorchCrossEntropy(rows.slice(0, 4), labels), 5);
});

describe("metrics of tokens", () => {
  /** Logits whose largest is the token that is found at each place. */
  const logitsFor = (found: readonly number[]) =>
    Float32Array.from(found.flatMap((token) => Array.from({ length: 7 }, (_, column) => (column === token ? 1 : 0))));

  test("are the perplexity of the mean loss and the fraction of tokens found, over batches", () => {
    const metrics = tokenMetrics(7);
    // Places not in use do not count, whether they are right or not.
    metrics.add(logitsFor([6, 1, 3, 2, 0, 5]), batchOf(targets, 6));
    expect(metrics.result(Math.log(7))).toEqual({ perplexity: expect.closeTo(7, 10), accuracy: 2 / 4 });
    metrics.add(logitsFor([6, 1]), batchOf(targets.slice(0, 1), 2));
    expect(metrics.result(0)).toEqual({ perplexity: 1, accuracy: 3 / 5 });
  });

  test("take a batch's columns in pieces too", () => {
    const batch = batchOf(targets, 6);
    const logits = logitsFor([6, 1, 3, 2, 0, 5]);
    const metrics = tokenMetrics(7);
    for (const [first, end] of [
      [0, 1],
      [1, 3],
      [3, 7],
    ] as const) {
      const piece = rowsOf(logits, 7).flatMap((row) => [...row.subarray(first, end)]);
      metrics.add(Float32Array.from(piece), batch, { from: first, to: end });
    }
    expect(metrics.result(0).accuracy).toBe(2 / 4);
  });

  test("have an accuracy of 0 where nothing was predicted", () => {
    const metrics = tokenMetrics(7);
    metrics.add(logitsFor([0, 0]), batchOf([], 2));
    expect(metrics.result(0).accuracy).toBe(0);
  });
});
