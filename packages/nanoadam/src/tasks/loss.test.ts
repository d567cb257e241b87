/** Losses against the formulas of PyTorch's documentation, in plain TypeScript and float64. */
import { describe, expect, test } from "vitest";
import { float32Tensor, type HostTensor, int32Tensor } from "../data/batch.js";
import { lossOf, pytorchCrossEntropy, randomLogits } from "../testing/losses.js";
import { crossEntropy, squaredError } from "./loss.js";
import type { Task } from "./task.js";

/** The tensors of labels, and of the weights that their classes have. */
function targetsOf(labels: readonly number[], classWeights: readonly number[]) {
  const rowWeights = Float32Array.from(labels, (label) => classWeights[label] ?? 0);
  const tensors = new Map<string, HostTensor>([
    ["labels", int32Tensor(Int32Array.from(labels), [labels.length])],
    ["row_weights", float32Tensor(rowWeights, [labels.length, 1])],
    ["class_weights", float32Tensor(Float32Array.from(classWeights), [1, classWeights.length])],
  ]);
  return { tensors, weight: rowWeights.reduce((sum, weight) => sum + weight, 0) };
}

describe("cross-entropy, a sum over rows", () => {
  const labels = [2, 0, 1, 1, 2];
  const rows = randomLogits(labels.length, 3, 3);

  test.each([
    [0, undefined],
    [0.1, undefined],
    [0, [0.5, 2, 1.25]],
    [0.3, [0.5, 2, 1.25]],
    [0.3, [0, 1, 3]],
  ])(
    "with label smoothing %d and class weights %o is PyTorch's mean times the rows' weights",
    async (labelSmoothing, classWeights) => {
      const targets = targetsOf(labels, classWeights ?? [1, 1, 1]);
      const loss: Task["loss"] = (logits, target) =>
        crossEntropy(logits, target("labels"), {
          labelSmoothing,
          ...(classWeights === undefined
            ? {}
            : { rowWeights: target("row_weights"), classWeights: target("class_weights") }),
        });
      const found = (await lossOf(loss, rows, targets)) / targets.weight;
      const expected = pytorchCrossEntropy(rows, labels, classWeights, labelSmoothing);
      expect(Math.abs(found - expected)).toBeLessThan(1e-5);
    },
  );

  test("by hand: two classes, equal logits, five labels", async () => {
    const loss: Task["loss"] = (logits, target) => crossEntropy(logits, target("labels"), { labelSmoothing: 0.2 });
    const equal = labels.map(() => [0, 0]);
    const found = await lossOf(loss, equal, targetsOf([1, 1, 1, 1, 1], [1, 1]));
    expect(found / 5).toBeCloseTo(Math.log(2), 6);
  });

  test("logits of a thousand overflow nothing", async () => {
    const loss: Task["loss"] = (logits, target) => crossEntropy(logits, target("labels"));
    const large = [0, 1, 0, 1, 0].map((first) => (first === 0 ? [1000, 0] : [0, 1000]));
    const found = await lossOf(loss, large, targetsOf([0, 1, 0, 1, 1], [1, 1]));
    expect(found / 5).toBeCloseTo(200, 3);
  });

  test("does not see rows of weight 0", async () => {
    const loss: Task["loss"] = (logits, target) =>
      crossEntropy(logits, target("labels"), { rowWeights: target("row_weights") });
    const found = await lossOf(loss, rows, targetsOf(labels, [1, 0, 1]));
    const kept = [0, 1, 4];
    const expected = pytorchCrossEntropy(
      kept.map((row) => rows[row] ?? []),
      kept.map((row) => labels[row] ?? 0),
    );
    expect(found).toBeCloseTo(3 * expected, 5);
  });
});

test("the squared error is a sum over rows", async () => {
  const ones = float32Tensor(new Float32Array(5).fill(1), [5, 1]);
  const found = await lossOf((logits, target) => squaredError(logits, target("labels")), [[1], [2], [3], [4], [5]], {
    tensors: new Map([["labels", ones]]),
  });
  expect(found).toBeCloseTo(0 + 1 + 4 + 9 + 16, 5);
});
