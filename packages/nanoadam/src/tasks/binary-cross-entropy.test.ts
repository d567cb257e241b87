/** Binary cross-entropy against PyTorch's formula and finite differences, in float64. */
import {
  Arena,
  ArenaLayout,
  derive,
  input,
  type TensorData,
  type TensorFunction,
  tensorFunction,
} from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { seededNormal } from "../testing/tiny-checkpoint.js";
import { binaryCrossEntropy } from "./loss.js";

/** The loss of logits [rows, labels] and its gradient. */
async function lossOf(
  logits: readonly number[],
  targets: readonly number[],
  labels: number,
): Promise<{ readonly loss: number; readonly gradient: number[] }> {
  const shape = [logits.length / labels, labels];
  const [x, y] = [input("float32", shape), input("float32", shape)];
  const whole = tensorFunction(
    "loss",
    [
      { name: "logits", value: x },
      { name: "labels", value: y },
    ],
    [{ name: "loss", value: binaryCrossEntropy(x, y) }],
  );
  const derivative = derive(whole, { outputs: ["loss"], inputs: new Map([["logits", []]]) });
  const functions: readonly TensorFunction[] = [derivative.forward, derivative.backward];
  const layout = new ArenaLayout();
  const slots = new Map<string, ReturnType<ArenaLayout["slot"]>>();
  for (const { name, value } of functions.flatMap(({ inputs, outputs }) => [...inputs, ...outputs])) {
    if (!slots.has(name)) slots.set(name, layout.slot(value.type));
  }
  const arena = new Arena();
  arena.reserve(layout.bytes);
  const memory = new Map<string, TensorData>([...slots].map(([name, slot]) => [name, arena.view(slot)]));
  memory.get("logits")?.set(logits);
  memory.get("labels")?.set(targets);
  memory.get(derivative.cotangents.get("loss") ?? "")?.set([1]);
  const runtime = await cpuRuntime({ threads: 1 });
  for (const each of functions) {
    const compiled = await runtime.compile(each);
    await compiled.bind(memory)();
    await compiled.release();
  }
  const [part] = derivative.gradients.get("logits") ?? [];
  const gradient = part?.kind === "dense" ? memory.get(part.tensor) : undefined;
  return { loss: memory.get("loss")?.[0] ?? Number.NaN, gradient: [...(gradient ?? [])] };
}

/** As torch.nn.functional.binary_cross_entropy_with_logits computes it. */
function expectedLoss(logits: readonly number[], targets: readonly number[]): number {
  return logits.reduce((sum, x, i) => {
    const y = targets[i] ?? Number.NaN;
    return sum + Math.max(x, 0) - x * y + Math.log1p(Math.exp(-Math.abs(x)));
  }, 0);
}

describe("binary cross-entropy", () => {
  const random = seededNormal(5);
  const logits = Array.from({ length: 12 }, () => Math.fround(3 * random()));
  const targets = [1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0];

  test("is PyTorch's formula, for targets between 0 and 1 too", async () => {
    expect((await lossOf(logits, targets, 3)).loss).toBeCloseTo(expectedLoss(logits, targets), 4);
    const soft = targets.map((target, i) => (i % 2 === 0 ? target : 0.25));
    expect((await lossOf(logits, soft, 3)).loss).toBeCloseTo(expectedLoss(logits, soft), 4);
    expect((await lossOf([0, 0], [1, 0], 1)).loss).toBeCloseTo(2 * Math.log(2), 6);
  });

  test("has the slope of finite differences", async () => {
    const { gradient } = await lossOf(logits, targets, 3);
    const step = 1e-4;
    for (const [i, found] of gradient.entries()) {
      const at = (offset: number) =>
        expectedLoss(
          logits.map((x, j) => (i === j ? x + offset : x)),
          targets,
        );
      expect(found).toBeCloseTo((at(step) - at(-step)) / (2 * step), 5);
    }
    expect(gradient).toHaveLength(12);
  });

  test("is exact at logits of a thousand, and so is its slope", async () => {
    const { loss, gradient } = await lossOf([1000, -1000, 1000, -1000], [1, 0, 0, 1], 2);
    expect(loss).toBe(2000);
    expect(gradient).toEqual([0, 0, 1, -1].map((value) => expect.closeTo(value, 6)));
    expect((await lossOf([1000, -1000], [1, 0], 2)).loss).toBeCloseTo(0, 6);
    expect((await lossOf([-20], [0], 1)).loss).toBeCloseTo(2.06e-9, 7);
  });
});
