/** What a loss's graph comes to for given numbers, and what PyTorch's documentation says it should, in float64. */
import { Arena, ArenaLayout, input, type TensorData, tensorFunction, type Value } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { type Batch, float32Tensor, type HostTensor, tensorOf } from "../data/batch.js";
import type { Task } from "../tasks/task.js";
import { seededNormal } from "./tiny-checkpoint.js";

/** The loss for rows of logits; only the tensors of the batch are given that it asks for. */
export async function lossOf(
  loss: Task["loss"],
  rows: readonly (readonly number[])[],
  batch: Pick<Batch, "tensors">,
): Promise<number> {
  const given = new Map<string, HostTensor>();
  const values = new Map<string, Value>();
  const take = (name: string, tensor: HostTensor): Value => {
    const value = values.get(name) ?? input(tensor.type.dataType, tensor.type.shape);
    given.set(name, tensor);
    values.set(name, value);
    return value;
  };
  const logits = take("logits", float32Tensor(Float32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0]));
  const output = loss(logits, (name) => take(name, tensorOf({ ...batch, weight: 0 }, name)));
  const named = [...values].map(([name, value]) => ({ name, value }));
  const tensors = tensorFunction("loss", named, [{ name: "loss", value: output }]);

  const layout = new ArenaLayout();
  const slots = [...tensors.inputs, ...tensors.outputs].map(
    ({ name, value }) => [name, layout.slot(value.type)] as const,
  );
  const arena = new Arena();
  arena.reserve(layout.bytes);
  const memory = new Map<string, TensorData>(slots.map(([name, slot]) => [name, arena.view(slot)]));
  for (const [name, { data }] of given) memory.get(name)?.set(data);
  const runtime = await cpuRuntime({ threads: 1 });
  const compiled = await runtime.compile(tensors);
  await compiled.bind(memory)();
  await compiled.release();
  return memory.get("loss")?.[0] ?? Number.NaN;
}

/** Rows of random logits, exact in float32. */
export function randomLogits(rows: number, columns: number, seed: number, deviation = 2): number[][] {
  const random = seededNormal(seed);
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => Math.fround(deviation * random())));
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
export function pytorchCrossEntropy(
  logits: readonly (readonly number[])[],
  labels: readonly number[],
  classWeights: readonly number[] = [],
  smoothing = 0,
): number {
  let [sum, divisor] = [0, 0];
  for (const [row, label] of labels.entries()) {
    const own = logProbabilities(logits[row] ?? []);
    own.forEach((value, label_) => {
      const target = smoothing / own.length + (label_ === label ? 1 - smoothing : 0);
      sum -= (classWeights[label_] ?? 1) * target * value;
    });
    divisor += classWeights[label] ?? 1;
  }
  return sum / divisor;
}
