/** The whole way through model, derivative, step and optimizer, against an independent PyTorch implementation. */
import { Arena, type TensorData } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { createAdamW, createNanoAdam, type Optimizer } from "@nanoadam/optim";
import { describe, expect, it } from "vitest";
import { type Fixture, fixtureFiles, readFixture } from "../../../../testing/fixtures.js";
import { defineModel } from "../models/architectures.js";
import type { Model } from "../models/model.js";
import { GradientAccumulator } from "../program/gradient-accumulator.js";
import { acceptedStructures } from "../program/gradient-form.js";
import { Program } from "../program/program.js";
import { classification, regression } from "../tasks/objective.js";
import { trainStep } from "./step.js";

interface RunSettings {
  readonly lr: number;
  readonly betas: [number, number];
  readonly eps: number;
  readonly weight_decay: number;
  readonly density: number;
  readonly final_density?: number;
  readonly mask_interval: number;
  readonly density_interval?: number | null;
  readonly total_steps: number;
  readonly chunk_size: number;
  readonly state_on_refresh: "carry" | "reset";
  readonly bias_correction: "entry" | "global" | "none";
  readonly dense: string[];
}

function floats(fixture: Fixture, name: string): Float32Array {
  const tensor = fixture.tensors.get(name);
  if (!(tensor?.values instanceof Float32Array)) throw new Error(`${fixture.name} has no floats ${name}`);
  return tensor.values;
}

function integers(fixture: Fixture, name: string): Int32Array | undefined {
  const tensor = fixture.tensors.get(name);
  return tensor === undefined ? undefined : Int32Array.from(tensor.values);
}

/** The model of a fixture with fresh copies of its weights, and its batches as tensors. */
function setUp(fixture: Fixture) {
  const config = fixture.metadata.config as Record<string, unknown>;
  const isRegression = fixture.metadata.loss === "mean_squared_error";
  const labels = Number(config.num_labels);
  const model = defineModel(config, { kind: "sequence-classification", labels });
  const objective = isRegression ? regression() : classification({ labels });
  const [batchSize = 0, length = 0] = fixture.tensors.get("batch0.input_ids")?.shape ?? [];
  const shape = { batchSize, length };
  const batch = (index: number): Map<string, TensorData> => {
    const inputIds = integers(fixture, `batch${index}.input_ids`) ?? new Int32Array();
    const zeros = new Int32Array(inputIds.length);
    return new Map([
      ...model.inputs({
        ...shape,
        inputIds,
        attentionMask: integers(fixture, `batch${index}.attention_mask`) ?? zeros.fill(1),
        tokenTypeIds: integers(fixture, `batch${index}.token_type_ids`) ?? zeros,
      }),
      ...objective.targets(fixture.tensors.get(`batch${index}.labels`)?.values ?? []),
    ]);
  };
  const weights = new Map(model.parameters.map(({ name }) => [name, floats(fixture, `param.${name}`).slice()]));
  return { model, objective, shape, batch, batches: Number(fixture.metadata.batches), weights };
}

function optimizerOf(run: string, settings: RunSettings, model: Model, weights: Map<string, Float32Array>): Optimizer {
  const parameters = model.parameters.map(({ name, shape }) => ({
    name,
    shape,
    values: weights.get(name) ?? new Float32Array(),
  }));
  const common = {
    parameters,
    betas: settings.betas,
    epsilon: settings.eps,
    weightDecay: settings.weight_decay,
  };
  if (run === "adamw") return createAdamW(common);
  return createNanoAdam({
    ...common,
    dense: settings.dense,
    density: settings.density,
    ...(settings.final_density === undefined ? {} : { finalDensity: settings.final_density }),
    ...(settings.density_interval == null ? {} : { densityInterval: settings.density_interval }),
    maskInterval: settings.mask_interval,
    totalSteps: settings.total_steps,
    chunkSize: settings.chunk_size,
    stateOnRefresh: settings.state_on_refresh,
    biasCorrection: settings.bias_correction,
  });
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const files = fixtureFiles(/^(bert|roberta|distilbert)_(classification|regression)/);

describe.skipIf(files.length === 0)("reference runs", () => {
  for (const file of files) {
    const fixture = readFixture(file);
    const runs = fixture.metadata.runs as Record<string, RunSettings>;

    it(`${fixture.name}: logits, loss and every gradient`, async () => {
      const { model, objective, shape, batch, weights } = setUp(fixture);
      const program = await Program.compile({
        model,
        objective,
        shape,
        weights,
        runtime: cpuRuntime({ threads: 1 }),
        arena: new Arena(),
        training: { dropout: undefined, structures: () => [] },
      });
      program.load(batch(0));
      const loss = await program.forward();
      const expectedLoss = floats(fixture, "expect.loss")[0] ?? Number.NaN;
      expect(Math.abs(loss - expectedLoss) / Math.abs(expectedLoss)).toBeLessThan(1e-4);
      const logits = floats(fixture, "expect.logits");
      program.logits().forEach((logit, i) => {
        expect(Math.abs(logit - (logits[i] ?? Number.NaN)) / largest(logits)).toBeLessThan(1e-4);
      });

      const accumulator = new GradientAccumulator(model.parameters);
      const parameters = model.parameters.map(({ name, shape: sides }) => ({
        name,
        shape: sides,
        values: weights.get(name) ?? new Float32Array(),
      }));
      const optimizer = createAdamW({ parameters });
      optimizer.prepare();
      accumulator.begin(optimizer);
      await program.backward(1, accumulator.add);
      const largestOfAll = Math.max(...model.parameters.map(({ name }) => largest(floats(fixture, `grad.${name}`))));
      for (const [name, gradient] of accumulator.sums()) {
        const expected = floats(fixture, `grad.${name}`);
        expect(gradient.length).toBe(expected.length);
        // A key's bias cancels in the softmax: what is found of its gradient, which is 0, is rounding of all the others.
        const magnitude = Math.max(largest(expected), 1e-4 * largestOfAll);
        gradient.forEach((value, i) => {
          expect(Math.abs(value - (expected[i] ?? Number.NaN)) / magnitude, `${name}[${i}]`).toBeLessThan(1e-3);
        });
      }
      await program.release();
    });

    it.each(Object.keys(runs))(`${fixture.name}: the run with %s`, async (run) => {
      const settings = runs[run];
      if (settings === undefined) throw new Error(`no settings for ${run}`);
      const { model, objective, shape, batch, batches, weights } = setUp(fixture);
      const optimizer = optimizerOf(run, settings, model, weights);
      optimizer.prepare();
      const program = await Program.compile({
        model,
        objective,
        shape,
        weights,
        runtime: cpuRuntime({ threads: 1 }),
        arena: new Arena(),
        training: { dropout: undefined, structures: (name) => acceptedStructures(optimizer.need(name), 0.12) },
      });
      const accumulator = new GradientAccumulator(model.parameters);
      const expectedLosses = floats(fixture, `run.${run}.losses`);
      expect(expectedLosses.length).toBeGreaterThan(0);
      for (let step = 0; step < expectedLosses.length; step++) {
        const { loss } = await trainStep([{ program, tensors: batch(step % batches), share: 1 }], {
          optimizer,
          accumulator,
          learningRate: settings.lr,
          dropoutKey: { seed: 0, step },
        });
        const expected = expectedLosses[step] ?? Number.NaN;
        expect(Math.abs(loss - expected) / Math.abs(expected), `loss of step ${step}`).toBeLessThan(1e-3);
      }
      let [entries, close] = [0, 0];
      for (const [name, values] of weights) {
        const expected = floats(fixture, `run.${run}.final.${name}`);
        values.forEach((value, i) => {
          entries++;
          if (Math.abs(value - (expected[i] ?? Number.NaN)) <= 1e-3) close++;
        });
      }
      expect(close / entries).toBeGreaterThanOrEqual(0.999);
      await program.release();
    });
  }
});
