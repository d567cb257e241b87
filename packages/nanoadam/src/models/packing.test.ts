/** Texts that share a row, and rows padded on the left, are to a decoder what texts in rows of their own are. */
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { expect, test } from "vitest";
import { type Batch, batchType, int32Tensor, tensorOf } from "../data/batch.js";
import { type LearnedText, mergeTexts } from "../data/text/learned-text.js";
import { Program } from "../program/program.js";
import { causalLmTask } from "../tasks/causal-lm.js";
import { drawnModel } from "../testing/further-encoders.js";
import { numberEncoder } from "../testing/number-texts.js";
import { tinyDecoders } from "../testing/tiny-decoders.js";
import { wholeGradients } from "../testing/whole-gradients.js";

const task = causalLmTask(numberEncoder);

/** Of some the first part is only read. */
const text = (length: number, seed: number, read = 0): LearnedText => ({
  ids: Int32Array.from({ length }, (_, place) => 5 + ((place * 7 + seed * 11) % 40)),
  typeIds: new Int32Array(length),
  specialMask: new Uint8Array(length),
  learned: new Uint8Array(length).fill(1, read),
  wasTruncated: false,
});
const texts = [text(7, 1, 3), text(3, 2), text(1, 3), text(6, 4, 1), text(9, 5, 4)];

async function lossAndGradients(config: Readonly<Record<string, unknown>>, collated: Batch) {
  const { model, weights } = drawnModel({ ...config, vocab_size: 50, attention_dropout: 0, dropout: 0 }, task.head);
  const batch = model.backbone.extend?.(collated) ?? collated;
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
  const loss = (await program.forward({ seed: 1, step: 0 })) / batch.weight;
  const accumulator = wholeGradients(model, weights);
  await program.backward(accumulator.add);
  accumulator.scale(1 / batch.weight);
  const gradients = new Map([...accumulator.sums()].map(([name, sum]) => [name, Float32Array.from(sum ?? [])]));
  await program.release();
  return { loss, gradients };
}

type Result = Awaited<ReturnType<typeof lossAndGradients>>;

function expectSame(found: Result, expected: Result): void {
  expect(Math.abs(found.loss / expected.loss - 1)).toBeLessThan(1e-5);
  const largest = (values: Iterable<number>) => [...values].reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const overall = Math.max(...[...expected.gradients.values()].map(largest));
  for (const [name, gradient] of expected.gradients) {
    const own = found.gradients.get(name);
    const difference = largest(gradient.map((value, entry) => value - (own?.[entry] ?? Number.NaN)));
    expect(difference, name).toBeLessThan(1e-5 * Math.max(largest(gradient), overall));
  }
}

/** The same texts with what fills their rows in front of them. */
function paddedLeft(batch: Batch): Batch {
  const { data: mask, type } = tensorOf(batch, "attention_mask");
  const [rows = 0, length = 0] = type.shape;
  const moved = (row: number) => length - mask.subarray(row * length, (row + 1) * length).lastIndexOf(1) - 1;
  const tensors = new Map(batch.tensors);
  for (const name of ["input_ids", "attention_mask"]) {
    const { data } = tensorOf(batch, name);
    const turned = Int32Array.from(data, (_, place) => {
      const [row, column] = [Math.floor(place / length), place % length];
      return data[row * length + ((column - moved(row) + length) % length)] ?? 0;
    });
    tensors.set(name, int32Tensor(turned, [rows, length]));
  }
  const { data: positions, type: positionType } = tensorOf(batch, "predicted_positions");
  const turned = Int32Array.from(positions, (place) => place + moved(Math.floor(place / length)));
  tensors.set("predicted_positions", int32Tensor(turned, positionType.shape));
  return { ...batch, tensors };
}

const names = ["llama", "opt", "gemma3", "mistral with a window", "qwen2 with windows"] as const;

test.each(names)("%s: packed equals unpacked, in loss and gradient", async (name) => {
  const config = tinyDecoders[name];
  const unpacked = await lossAndGradients(config, task.collate(texts, 16));
  const [a, b, c, d, e] = texts as [LearnedText, LearnedText, LearnedText, LearnedText, LearnedText];
  const rows = [mergeTexts([b, d, a]), mergeTexts([e, c])];
  expectSame(await lossAndGradients(config, task.collate(rows, 16)), unpacked);
  // Without the segments the texts would see each other.
  const together = task.collate(rows, 16);
  const tensors = new Map([...together.tensors].filter(([tensor]) => tensor !== "segment_ids"));
  const mixed = await lossAndGradients(config, { ...together, tensors });
  expect(Math.abs(mixed.loss / unpacked.loss - 1)).toBeGreaterThan(1e-3);
});

test.each(names)("%s: padded on the left equals padded on the right", async (name) => {
  const batch = task.collate(texts, 12);
  expectSame(
    await lossAndGradients(tinyDecoders[name], paddedLeft(batch)),
    await lossAndGradients(tinyDecoders[name], batch),
  );
});
