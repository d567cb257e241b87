/** A step of one batch without clipping moves each tensor inside the backward pass: nothing of the result may differ. */
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import type { Optimizer, WeightArray } from "@nanoadam/optim";
import { expect, test } from "vitest";
import { z } from "zod";
import { DivergenceError } from "../errors.js";
import { type OptimizerName, optimizerNames, optimizers } from "../options/optimizers.js";
import { GradientAccumulator } from "../program/gradient-accumulator.js";
import { gradientForm } from "../program/gradient-form.js";
import { ProgramCache } from "../program/program-cache.js";
import { causalLmTask } from "../tasks/causal-lm.js";
import { heldInBfloat16 } from "../testing/bfloat16-weights.js";
import { drawnModel } from "../testing/further-encoders.js";
import { encodedNumbers, numberEncoder } from "../testing/number-texts.js";
import { nextToken, tinyDecoders } from "../testing/tiny-decoders.js";
import { trainStep } from "./step.js";
import { UndoBuffer } from "./undo.js";

const runtime = await cpuRuntime({ threads: 1 });
const vocabulary = tinyDecoders.llama.vocab_size;
const task = causalLmTask({ ...numberEncoder, vocabularySize: vocabulary });
const batches = [
  task.collate([encodedNumbers(10, 11, 40, 41, 42, 17), encodedNumbers(12, 13, 14)], 12),
  task.collate([encodedNumbers(30, 31, 32, 33), encodedNumbers(11, 14)], 12),
];
const steps = 3;

interface Setting {
  readonly optimizer: OptimizerName;
  readonly decoder?: keyof typeof tinyDecoders;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly isNarrow?: boolean;
  readonly checkpointing?: "none" | "stage";
  /** Columns of the vocabulary that are there at a time. */
  readonly columns?: number;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A model and an optimizer that refreshes its selections every step. */
function setUp({ optimizer: name, decoder = "llama", options = {}, isNarrow = false, ...setting }: Setting) {
  const { model, weights: drawn } = drawnModel(setting.config ?? tinyDecoders[decoder], nextToken);
  const weights = isNarrow ? heldInBfloat16(model.parameters, drawn) : new Map<string, WeightArray>(drawn);
  const parameters = model.parameters.map((parameter) => ({
    ...parameter,
    values: weights.get(parameter.name) ?? new Float32Array(),
    isFresh: false,
  }));
  const entry = optimizers[name];
  const own = z.object(entry.options as z.ZodRawShape).parse(options);
  const optimizer = (entry.create as (options: unknown, context: unknown) => Optimizer)(
    { weightDecay: 0.1, keepZeros: false, ...own },
    { parameters, length: { stepsPerEpoch: 8, totalSteps: 8 }, seed: 3 },
  );
  optimizer.prepare();
  const roles = new Map(model.parameters.map((parameter) => [parameter.name, parameter.role]));
  const programs = new ProgramCache({
    model,
    loss: task.loss,
    weights,
    runtime,
    arena: new Arena(),
    ...(setting.columns === undefined ? {} : { mostLogits: setting.columns * 24 }),
    training: {
      dropout: 0.1,
      form: (parameter) => gradientForm(optimizer.need(parameter), roles.get(parameter) ?? "weight", 0.12),
      checkpointing: setting.checkpointing ?? "none",
    },
  });
  return { model, weights, optimizer, programs, accumulator: new GradientAccumulator(model.parameters) };
}

const copyOf = (weights: ReadonlyMap<string, WeightArray>) =>
  new Map([...weights].map(([name, values]) => [name, values.slice()]));

/** What comes of some steps, and the order in which the first moves tensors. */
async function resultOf(setting: Setting, isOneBatch: boolean) {
  const { weights, programs, ...training } = setUp(setting);
  const results: unknown[] = [];
  const moved: string[] = [];
  for (let step = 0; step < steps; step++) {
    const result = await trainStep(batches.slice(step % 2, (step % 2) + 1), {
      ...{ programs, ...training, learningRate: 0.01, key: { seed: 1, step }, isOneBatch },
      onUpdate: (name) => step === 0 && moved.push(name),
    });
    results.push(result);
  }
  await programs.release();
  return { results, weights, state: training.optimizer.state(), moved };
}

const tied = "llama with biases and tied";
const settings: readonly Setting[] = [
  ...optimizerNames.map((optimizer): Setting => ({ optimizer, decoder: tied, columns: 60 })),
  { optimizer: "nanoadam", decoder: tied, isNarrow: true, checkpointing: "stage", columns: 60 },
  { optimizer: "nanoadam", decoder: tied, isNarrow: true, options: { density: 0.5, stateDtype: "bfloat16" } },
  { optimizer: "nanolion", decoder: "gemma3", isNarrow: true, checkpointing: "stage" },
  { optimizer: "adamw", decoder: "opt", checkpointing: "stage", columns: 60 },
  { optimizer: "nanoadam", decoder: "qwen3", options: { criterion: "gradient" } },
  { optimizer: "nanoadam", options: { shareBy: "gradient" }, columns: 60 },
];

test.each(settings)(
  "%j: tensors that move inside the backward pass end where all together do, to the bit",
  async (setting) => {
    const [together, atOnce] = [await resultOf(setting, false), await resultOf(setting, true)];
    expect(atOnce.results).toEqual(together.results);
    expect(atOnce.weights).toEqual(together.weights);
    expect(atOnce.state).toEqual(together.state);
    expect(atOnce.moved.toSorted()).toEqual(together.moved.toSorted());
    expect(atOnce.moved[0]).not.toBe(together.moved[0]);
  },
);

/** Where tokens are all 0, gradients grow by the root of such an epsilon at each normalisation, and the loss is none the worse. */
const overflowing = { ...tinyDecoders.llama, rms_norm_eps: 2e-38 };

test.each<Setting>([
  { optimizer: "adamw", checkpointing: "stage" },
  { optimizer: "nanoadam", isNarrow: true, checkpointing: "stage", columns: 60 },
  { optimizer: "microadam" },
])("%j: a gradient that is not finite, in the lowest layer, leaves a step that can be taken back", async (setting) => {
  const { weights, optimizer, programs, accumulator } = setUp({ ...setting, config: overflowing });
  weights.get("model.embed_tokens.weight")?.fill(0);
  const before = copyOf(weights);
  const undo = new UndoBuffer(weights);
  const moved: string[] = [];
  const step = trainStep(batches.slice(0, 1), {
    ...{ programs, optimizer, accumulator, learningRate: 0.5, key: { seed: 1, step: 0 }, isOneBatch: true },
    onUpdate(name) {
      moved.push(name);
      undo.onUpdate(1, name, optimizer.need(name));
    },
  });
  await expect(step).rejects.toThrow(DivergenceError);
  await programs.release();
  expect(moved).toContain("lm_head.weight");
  expect(moved).not.toContain("model.embed_tokens.weight");
  expect(optimizer.completedSteps).toBe(0);
  expect(weights).not.toEqual(before);
  undo.restore();
  expect(weights).toEqual(before);
});

test("a second batch, where one was said to be all, is refused", async () => {
  const { programs, ...training } = setUp({ optimizer: "adamw" });
  const step = trainStep(batches, {
    ...{ programs, ...training, learningRate: 0.01, key: { seed: 1, step: 0 }, isOneBatch: true },
  });
  await expect(step).rejects.toThrow(/a second batch/);
  await programs.release();
});
