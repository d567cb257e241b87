/** Losses against the formulas of PyTorch's documentation, in plain TypeScript and float64. */
import { Arena, ArenaLayout, input, type TensorData, tensorFunction } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { seededNormal } from "../testing/tiny-checkpoint.js";
import {
  classification,
  maskedLanguageModel,
  maskedPlaces,
  type Objective,
  regression,
  type Targets,
} from "./objective.js";

const shape = { batchSize: 5, length: 8 };

/** The loss that an objective's graph gives for logits of [rows, columns]. */
async function lossOf(objective: Objective, logits: Float32Array, columns: number, targets: Targets): Promise<number> {
  const logitsInput = input("float32", [logits.length / columns, columns]);
  const inputs = [...objective.inputTypes(shape)].map(([name, type]) => ({
    name,
    value: input(type.dataType, type.shape),
  }));
  const batchInput = (name: string) => {
    const found = inputs.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`${name} is not declared`);
    return found.value;
  };
  const loss = objective.loss(logitsInput, batchInput);
  const used = tensorFunction(
    "loss",
    [{ name: "logits", value: logitsInput }, ...inputs],
    [{ name: "loss", value: loss }],
  );
  const layout = new ArenaLayout();
  const slots = [...used.inputs, ...used.outputs].map(({ name, value }) => [name, layout.slot(value.type)] as const);
  const arena = new Arena();
  arena.reserve(layout.bytes);
  const memory = new Map<string, TensorData>(slots.map(([name, slot]) => [name, arena.view(slot)]));
  memory.get("logits")?.set(logits);
  for (const [name, data] of targets) memory.get(name)?.set(data);
  const compiled = await cpuRuntime({ threads: 1 }).compile(used);
  await compiled.bind(memory)();
  await compiled.release();
  return memory.get("loss")?.[0] ?? Number.NaN;
}

function logProbabilities(logits: readonly number[]): number[] {
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return logits.map((logit) => logit - Math.log(total));
}

/**
 * torch.nn.functional.cross_entropy(..., weight, label_smoothing, reduction="mean"): the target is
 * (1 - s) on the label and s / classes everywhere; each class's term has its weight; the sum is divided by the weights
 * of the labels.
 */
function crossEntropy(
  logits: readonly number[][],
  labels: readonly number[],
  weights: readonly number[],
  smoothing: number,
) {
  let [sum, divisor] = [0, 0];
  for (const [row, label] of labels.entries()) {
    const own = logProbabilities(logits[row] ?? []);
    own.forEach((value, label_) => {
      const target = smoothing / own.length + (label_ === label ? 1 - smoothing : 0);
      sum -= (weights[label_] ?? 1) * target * value;
    });
    divisor += weights[label] ?? 1;
  }
  return sum / divisor;
}

describe("classification", () => {
  const random = seededNormal(3);
  const rows = Array.from({ length: shape.batchSize }, () =>
    Array.from({ length: 3 }, () => Math.fround(2 * random())),
  );
  const labels = [2, 0, 1, 1, 2];

  test.each([
    [0, undefined],
    [0.1, undefined],
    [0, [0.5, 2, 1.25]],
    [0.3, [0.5, 2, 1.25]],
    [0.3, [0, 1, 3]],
  ])("label smoothing %d and class weights %o as in PyTorch's cross_entropy", async (labelSmoothing, classWeights) => {
    const objective = classification({
      labels: 3,
      labelSmoothing,
      ...(classWeights === undefined ? {} : { classWeights }),
    });
    const found = await lossOf(objective, Float32Array.from(rows.flat()), 3, objective.targets(labels));
    const expected = crossEntropy(rows, labels, classWeights ?? [1, 1, 1], labelSmoothing);
    expect(Math.abs(found - expected)).toBeLessThan(1e-5);
  });

  test("by hand: two classes, equal logits, one label", async () => {
    const objective = classification({ labels: 2, labelSmoothing: 0.2 });
    const logits = new Float32Array(2 * shape.batchSize);
    expect(await lossOf(objective, logits, 2, objective.targets([1, 1, 1, 1, 1]))).toBeCloseTo(Math.log(2), 6);
  });

  test("logits of a thousand overflow nothing", async () => {
    const objective = classification({ labels: 2 });
    const logits = Float32Array.from([1000, 0, 0, 1000, 1000, 0, 0, 1000, 1000, 0]);
    expect(await lossOf(objective, logits, 2, objective.targets([0, 1, 0, 1, 1]))).toBeCloseTo(200, 3);
  });
});

test("regression: the mean of the squared errors", async () => {
  const objective = regression();
  const logits = Float32Array.from([1, 2, 3, 4, 5]);
  const found = await lossOf(objective, logits, 1, objective.targets([1, 1, 1, 1, 1]));
  expect(found).toBeCloseTo((0 + 1 + 4 + 9 + 16) / 5, 6);
});

test("masked-lm: the mean over the places in use; those without weight count for nothing", async () => {
  const random = seededNormal(4);
  const places = maskedPlaces(shape);
  expect(places).toBe(6);
  const rows = Array.from({ length: places }, () => Array.from({ length: 7 }, () => Math.fround(random())));
  const labels = [6, 0, 3, 3, 0, 0];
  const targets: Targets = new Map<string, TensorData>([
    ["masked_positions", new Int32Array(places)],
    ["masked_labels", Int32Array.from(labels)],
    ["masked_weights", Float32Array.of(0.25, 0.25, 0.25, 0.25, 0, 0)],
  ]);
  const found = await lossOf(maskedLanguageModel(), Float32Array.from(rows.flat()), 7, targets);
  expect(found).toBeCloseTo(crossEntropy(rows.slice(0, 4), labels.slice(0, 4), [], 0), 5);
});
