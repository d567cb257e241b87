import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { batchType, tensorOf } from "../data/batch.js";
import { Program } from "../program/program.js";
import { drawnModel } from "../testing/further-encoders.js";
import { encodedNumbers, numberEncoder, tableSource } from "../testing/number-texts.js";
import { seededUniform } from "../testing/tiny-checkpoint.js";
import { tinyDecoders } from "../testing/tiny-decoders.js";
import { float32Sums, wholeGradients } from "../testing/whole-gradients.js";
import { causalLmTask } from "./causal-lm.js";
import { loadBatch } from "./load-batch.js";

const task = causalLmTask(numberEncoder);
const key = { seed: 1, step: 0 };

describe("each token from those before it", () => {
  // 2 10 11 3 and 2 12 13 14 3, in rows of six.
  const batch = task.collate([encodedNumbers(10, 11), encodedNumbers(12, 13, 14)], 6);
  const used = (name: string) => [...tensorOf(batch, name).data].slice(0, batch.weight);

  test("the position before a token predicts it; padding is never predicted, and a text's last position predicts nothing", () => {
    expect(used("predicted_positions")).toEqual([0, 1, 2, 6, 7, 8, 9]);
    expect(used("labels")).toEqual([10, 11, 3, 12, 13, 14, 3]);
    expect([...tensorOf(batch, "input_ids").data]).toEqual([2, 10, 11, 3, 9, 9, 2, 12, 13, 14, 3, 9]);
  });

  test("the weight is how many tokens are predicted; a batch of one shape always has as many places", () => {
    expect(batch.weight).toBe(7);
    const weights = [...tensorOf(batch, "label_weights").data];
    expect(weights).toEqual([1, 1, 1, 1, 1, 1, 1, 0, 0, 0]);
    const full = task.collate([encodedNumbers(10, 11, 12, 13), encodedNumbers(10)], 6);
    expect(batchType(full)).toEqual(batchType(batch));
    expect(full.weight).toBe(5 + 2);
  });

  test("a text of one token predicts nothing", () => {
    const [one] = [{ ...encodedNumbers(), ids: Int32Array.of(2), typeIds: Int32Array.of(0) }];
    const alone = task.collate([one], 1);
    expect(alone.weight).toBe(0);
    expect([...tensorOf(alone, "label_weights").data]).toEqual([0]);
  });

  test("texts are read without labels, the first rows alone where there is a limit", async () => {
    const dataset = await task.read(tableSource(["text", "10 11", "12", "13"], { limit: 2 }));
    expect([dataset.length, dataset.sizeOf(0), dataset.sizeOf(1)]).toEqual([2, 4, 3]);
    const loaded = await loadBatch(task, dataset, { indices: [1], size: 4 }, key);
    expect([...tensorOf(loaded, "input_ids").data]).toEqual([2, 12, 3, 9]);
  });
});

test("a tiny decoder's head over the vocabulary learns from it: the gradient is what the loss changes by", async () => {
  const { model, weights } = drawnModel({ ...tinyDecoders.qwen3, vocab_size: 50 }, task.head);
  const dataset = await task.read(tableSource(["text", "10 11 12 13", "14 15 16 17 18 19", "20"]));
  const collated = await loadBatch(task, dataset, { indices: [0, 1, 2], size: 8 }, key);
  const batch = model.backbone.extend?.(collated) ?? collated;
  expect(batch.weight).toBe(5 + 7 + 2);
  const program = await Program.compile({
    model,
    loss: task.loss,
    weights,
    batch: batchType(batch),
    runtime: await cpuRuntime({ threads: 1 }),
    arena: new Arena(),
    training: { dropout: 0, form: () => "dense" },
  });
  program.load(batch);
  const meanLoss = async () => (await program.forward(key)) / batch.weight;

  // Weights drawn at random know nothing of the 50 tokens.
  expect(await meanLoss()).toBeGreaterThan(0.8 * Math.log(50));

  const accumulator = wholeGradients(model, weights);
  await program.backward(accumulator.add);
  accumulator.scale(1 / batch.weight);
  const uniform = seededUniform(3);
  const step = 1e-2;
  for (const name of ["model.layers.0.mlp.down_proj.weight", "model.embed_tokens.weight"]) {
    const values = weights.get(name) ?? new Float32Array();
    const gradient = float32Sums(accumulator).get(name) ?? new Float32Array();
    const largest = gradient.reduce((most, slope) => Math.max(most, Math.abs(slope)), 0);
    expect(largest, name).toBeGreaterThan(2e-3);
    const steepest = gradient.findIndex((slope) => Math.abs(slope) === largest);
    for (const entry of [steepest, ...Array.from({ length: 5 }, () => Math.floor(uniform() * values.length))]) {
      const value = values[entry] ?? Number.NaN;
      const lossAt = async (moved: number) => {
        values[entry] = moved;
        return meanLoss();
      };
      const slope = ((await lossAt(value + step)) - (await lossAt(value - step))) / (2 * step);
      values[entry] = value;
      expect(Math.abs(slope - (gradient[entry] ?? Number.NaN)), `${name}[${entry}]`).toBeLessThan(
        0.02 * largest + 1e-4,
      );
    }
  }
  await program.release();
});
