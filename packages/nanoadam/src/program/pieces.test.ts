/** Logits over a large vocabulary are computed for some columns at a time; no size of the pieces changes what comes out. */
import { Arena, tanh } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { createAdamW, createNanoAdam, type Optimizer, type WeightArray } from "@nanoadam/optim";
import { expect, test } from "vitest";
import type { Model, Stage } from "../models/model.js";
import { causalLmTask } from "../tasks/causal-lm.js";
import { rowsOf } from "../tasks/logits.js";
import { heldInBfloat16 } from "../testing/bfloat16-weights.js";
import { drawnModel } from "../testing/further-encoders.js";
import { encodedNumbers, numberEncoder } from "../testing/number-texts.js";
import { nextToken, tinyDecoders } from "../testing/tiny-decoders.js";
import { float32Sums } from "../testing/whole-gradients.js";
import { GradientAccumulator } from "./gradient-accumulator.js";
import { gradientForm } from "./gradient-form.js";
import { ProgramCache } from "./program-cache.js";

const runtime = await cpuRuntime({ threads: 1 });
const vocabulary = tinyDecoders.llama.vocab_size;
const task = causalLmTask({ ...numberEncoder, vocabularySize: vocabulary });
const batch = task.collate(
  [encodedNumbers(10, 11, 40, 41, 42, 17), encodedNumbers(12, 13, 14), encodedNumbers(30, 31, 32, 33, 34, 35, 36, 37)],
  12,
);
const places = 33;

interface Setting {
  readonly decoder: keyof typeof tinyDecoders;
  readonly optimizer: "adamw" | "nanoadam";
  readonly checkpointing: "none" | "stage";
  readonly isNarrow: boolean;
  /** Whether a function of the logits stands over them, whose derivative is taken at what it gave. */
  readonly isCapped?: boolean;
}

function capped({ stages, ...rest }: Model): Model {
  const head = stages.at(-1) as Stage;
  return { ...rest, stages: [...stages.slice(0, -1), { ...head, block: (context) => tanh(head.block(context)) }] };
}

/** Loss, logits and gradients where so many columns are there at a time, of so many the softmax is kept, and the bytes that it takes. */
async function resultOf(setting: Setting, columns: number, kept = 0) {
  const { decoder, optimizer: name, checkpointing, isNarrow, isCapped = false } = setting;
  const { model: drawn, weights } = drawnModel(tinyDecoders[decoder], nextToken);
  const model = isCapped ? capped(drawn) : drawn;
  const held = isNarrow ? heldInBfloat16(model.parameters, weights) : new Map<string, WeightArray>(weights);
  const parameters = model.parameters.map((parameter) => ({
    ...parameter,
    values: weights.get(parameter.name) ?? new Float32Array(),
  }));
  const optimizer: Optimizer =
    name === "adamw"
      ? createAdamW({ parameters })
      : createNanoAdam({ parameters, density: 0.05, maskInterval: 1, totalSteps: 2 });
  optimizer.prepare();
  const roles = new Map(model.parameters.map((parameter) => [parameter.name, parameter.role]));
  const arena = new Arena();
  const programs = new ProgramCache({
    model,
    loss: task.loss,
    weights: held,
    runtime,
    arena,
    mostLogits: places * columns,
    mostKeptLogits: places * kept,
    training: {
      dropout: 0.1,
      form: (parameter) => gradientForm(optimizer.need(parameter), roles.get(parameter) ?? "weight", 0.12),
      checkpointing,
    },
  });
  const accumulator = new GradientAccumulator(model.parameters);
  accumulator.begin(optimizer);
  const logits = new Float32Array(places * vocabulary);
  const firstColumns: number[] = [];
  const loss = await programs.use(batch, async (program) => {
    const sum = await program.forward({ seed: 1, step: 2 }, (own, { from, to } = { from: 0, to: vocabulary }) => {
      for (const [row, values] of rowsOf(own, to - from).entries()) logits.set(values, row * vocabulary + from);
      firstColumns.push(from);
    });
    await program.backward(accumulator.add, 0.5);
    return sum;
  });
  await programs.release();
  const gradients = new Map([...float32Sums(accumulator)].map(([parameter, sum]) => [parameter, sum.slice()]));
  return { loss, logits, firstColumns, gradients, bytes: arena.bytes };
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
function expectClose(found: Float32Array | undefined, expected: Float32Array, what: string, least = 0): void {
  expect(found?.length, what).toBe(expected.length);
  const difference = expected.map((value, i) => value - (found?.[i] ?? Number.NaN));
  expect(largest(difference), what).toBeLessThanOrEqual(1e-5 * Math.max(largest(expected), least));
}

const settings: readonly Setting[] = [
  { decoder: "llama", optimizer: "adamw", checkpointing: "none", isNarrow: false },
  { decoder: "llama", optimizer: "nanoadam", checkpointing: "stage", isNarrow: true },
  { decoder: "qwen3", optimizer: "nanoadam", checkpointing: "none", isNarrow: true },
  { decoder: "gemma3", optimizer: "nanoadam", checkpointing: "none", isNarrow: false },
  { decoder: "opt", optimizer: "adamw", checkpointing: "stage", isNarrow: false },
  { decoder: "llama", optimizer: "nanoadam", checkpointing: "none", isNarrow: false, isCapped: true },
];

test.each(settings)(
  "$decoder, $optimizer, checkpointing $checkpointing: pieces of any size equal the whole, whatever is kept of them",
  async (setting) => {
    const whole = await resultOf(setting, vocabulary);
    expect(whole.firstColumns).toEqual([0]);
    const sizes = [
      { columns: 1, kept: 0 },
      { columns: 7, kept: 7 },
      { columns: 20, kept: 50 },
      { columns: 32, kept: vocabulary },
    ];
    for (const { columns, kept } of sizes) {
      const pieces = await resultOf(setting, columns, kept);
      expect(pieces.firstColumns.length).toBeGreaterThanOrEqual(Math.ceil(vocabulary / columns));
      expect(Math.abs(pieces.loss / whole.loss - 1)).toBeLessThan(1e-6);
      expectClose(pieces.logits, whole.logits, "logits");
      // A key's bias cancels in the softmax: its gradient is 0, but for rounding.
      const least = 1e-2 * Math.max(...[...whole.gradients.values()].map(largest));
      for (const [name, gradient] of whole.gradients) expectClose(pieces.gradients.get(name), gradient, name, least);
    }
  },
);

test("logits are never there all at once, nor what their derivative keeps of them", async () => {
  const setting: Setting = { decoder: "llama", optimizer: "adamw", checkpointing: "none", isNarrow: false };
  const [whole, pieces] = [await resultOf(setting, vocabulary), await resultOf(setting, 20)];
  expect(whole.bytes - pieces.bytes).toBeGreaterThan(1.9 * 4 * places * (vocabulary - 20));
});

test("the softmax of as many columns as told stays until the backward pass, where activations do", async () => {
  const setting: Setting = { decoder: "llama", optimizer: "adamw", checkpointing: "none", isNarrow: false };
  const bytes = async (kept: number, checkpointing: Setting["checkpointing"] = "none") =>
    (await resultOf({ ...setting, checkpointing }, 16, kept)).bytes;
  const none = await bytes(0);
  expect(((await bytes(32)) - none) / (4 * places)).toBeLessThanOrEqual(32);
  expect(((await bytes(32)) - none) / (4 * places)).toBeGreaterThan(16);
  expect(((await bytes(vocabulary + 16)) - none) / (4 * places)).toBeGreaterThan(vocabulary - 32);
  expect(await bytes(vocabulary, "stage")).toBe(await bytes(0, "stage"));
});
