/** The whole way through model, derivative, step and optimizer, against an independent PyTorch implementation. */
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { createAdamW, createNanoAdam, type Optimizer } from "@nanoadam/optim";
import { describe, expect, it } from "vitest";
import { type Fixture, fixtureFiles, readFixture } from "../../../../testing/fixtures.js";
import { type Batch, float32Tensor, type HostTensor, int32Tensor } from "../data/batch.js";
import { defineModel } from "../models/architectures.js";
import type { HeadSpecification, Model } from "../models/model.js";
import { GradientAccumulator } from "../program/gradient-accumulator.js";
import { type GradientForm, gradientForm } from "../program/gradient-form.js";
import { ProgramCache } from "../program/program-cache.js";
import { tokenLoss } from "../tasks/language-model.js";
import { crossEntropy, squaredError } from "../tasks/loss.js";
import type { Task } from "../tasks/task.js";
import { likeliestTokens } from "../testing/likeliest-tokens.js";
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

/** What a fixture's labels are: classes or numbers of texts, classes of tokens, or tokens that the one before predicts. */
type Kind = "classes" | "numbers" | "token classes" | "next tokens";

function kindOf({ metadata, tensors }: Fixture): Kind {
  if (metadata.loss === "mean_squared_error") return "numbers";
  if (String(metadata.loss).startsWith("shifted")) return "next tokens";
  return tensors.get("batch0.labels")?.shape.length === 2 ? "token classes" : "classes";
}

const runtime = await cpuRuntime({ threads: 1 });

const losses: Readonly<Record<Kind, Task["loss"]>> = {
  classes: (logits, target) => crossEntropy(logits, target("labels")),
  numbers: (logits, target) => squaredError(logits, target("labels")),
  "token classes": tokenLoss,
  "next tokens": tokenLoss,
};

/** A batch of a fixture under the names that models know; tokens without a label (-100) have weight 0. */
function batchOf(fixture: Fixture, kind: Kind, index: number): Batch {
  const tensorOf = (name: string) => fixture.tensors.get(`batch${index}.${name}`);
  const inputIds = tensorOf("input_ids");
  if (inputIds === undefined) throw new Error(`${fixture.name} has no batch ${index}`);
  const { shape } = inputIds;
  const size = inputIds.values.length;
  const tokens = ["input_ids", "attention_mask", "token_type_ids"].map((name): [string, HostTensor] => {
    const values = tensorOf(name)?.values ?? new Int32Array(size).fill(name === "attention_mask" ? 1 : 0);
    return [name, int32Tensor(Int32Array.from(values), shape)];
  });
  const given = tensorOf("labels")?.values ?? new Int32Array();
  const [, length = 1] = shape;
  // The logits of a token are for the one after it; those of a text's last token for none.
  const next = (_: number, place: number) => ((place + 1) % length === 0 ? -100 : (given[place + 1] ?? -100));
  const labels = kind === "next tokens" ? Int32Array.from(given, next) : given;
  if (kind === "numbers") {
    const numbers = float32Tensor(Float32Array.from(labels), [labels.length, 1]);
    return { tensors: new Map([...tokens, ["labels", numbers]]), weight: labels.length };
  }
  const counts = Float32Array.from(labels, (label) => (label === -100 ? 0 : 1));
  const ids = int32Tensor(
    Int32Array.from(labels, (label) => Math.max(0, label)),
    [labels.length],
  );
  return {
    tensors: new Map([
      ...tokens,
      ["labels", ids],
      ["label_weights", float32Tensor(counts, [labels.length, 1])],
      ["predicted_positions", int32Tensor(Int32Array.from(labels.keys()), [labels.length])],
    ]),
    weight: counts.reduce((sum, count) => sum + count, 0),
  };
}

/** A batch of images of a fixture. */
function imageBatchOf(fixture: Fixture, index: number): Batch {
  const labels = Int32Array.from(fixture.tensors.get(`batch${index}.labels`)?.values ?? []);
  const pixels = fixture.tensors.get(`batch${index}.pixel_values`);
  return {
    tensors: new Map([
      ["pixel_values", float32Tensor(floats(fixture, `batch${index}.pixel_values`), pixels?.shape ?? [])],
      ["labels", int32Tensor(labels, [labels.length])],
    ]),
    weight: labels.length,
  };
}

/** The fixture's name of a parameter or buffer: transformers' own names in memory are not always those that it writes. */
function nameIn(fixture: Fixture, { backbone }: Model): (name: string) => string {
  return (name) =>
    [name, ...(backbone.otherNames?.(name) ?? []).map((other) => other.name)].find((each) =>
      fixture.tensors.has(`param.${each}`),
    ) ?? name;
}

/** The model of a fixture with fresh copies of its weights, its batches, and its programs. */
function setUp(fixture: Fixture, formOf: (model: Model) => (name: string) => GradientForm) {
  const config = fixture.metadata.config as Record<string, unknown>;
  const kind = kindOf(fixture);
  const outputs =
    typeof config.num_labels === "number" ? config.num_labels : Object.keys((config.id2label as object) ?? {}).length;
  const head: HeadSpecification =
    kind === "next tokens"
      ? { kind: "language-model", predicts: "next" }
      : {
          kind: "outputs",
          per: kind === "token classes" ? "position" : "example",
          outputs: kind === "numbers" ? 1 : outputs || 2,
        };
  const model = defineModel(config, head);
  const own = nameIn(fixture, model);
  const weights = new Map(model.parameters.map(({ name }) => [name, floats(fixture, `param.${own(name)}`).slice()]));
  for (const { name, isCount } of model.buffers) {
    weights.set(name, isCount === true ? new Float32Array(1) : floats(fixture, `param.${own(name)}`).slice());
  }
  const smoothing = /label_smoothing_([\d.]+)$/.exec(String(fixture.metadata.loss))?.[1];
  const programs = new ProgramCache({
    model,
    loss:
      smoothing === undefined
        ? losses[kind]
        : (logits, target) => crossEntropy(logits, target("labels"), { labelSmoothing: Number(smoothing) }),
    weights,
    runtime,
    arena: new Arena(),
    training: { dropout: undefined, form: formOf(model) },
  });
  const areImages = fixture.tensors.has("batch0.pixel_values");
  const batch = (index: number) => (areImages ? imageBatchOf(fixture, index) : batchOf(fixture, kind, index));
  return { model, own, batch, batches: Number(fixture.metadata.batches), weights, programs };
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
const files = fixtureFiles(/_(classification|regression|causal_lm)\.safetensors$/);

describe.skipIf(files.length === 0)("reference runs", () => {
  for (const file of files) {
    const fixture = readFixture(file);
    const runs = fixture.metadata.runs as Record<string, RunSettings>;

    it(`${fixture.name}: logits, loss and every gradient`, async () => {
      const { model, own, batch, weights, programs } = setUp(fixture, () => () => "dense");
      const given = [...fixture.tensors.keys()].filter((name) => name.startsWith("param."));
      const buffers = model.buffers.filter(({ isCount }) => isCount !== true);
      const names = [...model.parameters, ...buffers].map(({ name }) => `param.${own(name)}`);
      expect(names.sort()).toEqual(given.sort());
      const accumulator = new GradientAccumulator(model.parameters);
      const parameters = model.parameters.map(({ name, shape }) => ({
        name,
        shape,
        values: weights.get(name) ?? new Float32Array(),
      }));
      const optimizer = createAdamW({ parameters });
      optimizer.prepare();
      accumulator.begin(optimizer);
      const { weight } = batch(0);
      await programs.use(batch(0), async (program) => {
        const loss = (await program.forward()) / weight;
        const expectedLoss = floats(fixture, "expect.loss")[0] ?? Number.NaN;
        expect(Math.abs(loss - expectedLoss) / Math.abs(expectedLoss)).toBeLessThan(1e-4);
        const logits = floats(fixture, "expect.logits");
        expect(program.logits().length).toBe(logits.length);
        const rows = logits.length / (fixture.tensors.get("expect.logits")?.shape.at(-1) ?? 1);
        const mask = batch(0).tensors.get("attention_mask")?.data ?? [];
        // What padding predicts is nobody's business, and differs between implementations.
        const isJudged = (row: number) => rows !== mask.length || mask[row] === 1;
        program.logits().forEach((logit, i) => {
          if (!isJudged(Math.floor((i * rows) / logits.length))) return;
          expect(Math.abs(logit - (logits[i] ?? Number.NaN)) / largest(logits)).toBeLessThan(1e-4);
        });
        await program.backward(accumulator.add);
      });
      for (const { name, isCount } of model.buffers) {
        const found = weights.get(name) ?? new Float32Array();
        const expected = isCount === true ? Float32Array.of(1) : floats(fixture, `expect.buffer.${own(name)}`);
        // The fixtures of ResNets have the statistics before the pass in both places: all their variances lie between 0.50 and 1.50, as
        // they were drawn. What a pass makes of them `recipes/judge-images.test.ts` asks transformers.
        if (isCount !== true && String(expected) === String(floats(fixture, `param.${own(name)}`))) continue;
        found.forEach((value, i) => {
          expect(Math.abs(value - (expected[i] ?? Number.NaN)) / largest(expected), `${name}[${i}]`).toBeLessThan(1e-4);
        });
      }
      accumulator.scale(1 / weight);
      const largestOfAll = Math.max(
        ...model.parameters.map(({ name }) => largest(floats(fixture, `grad.${own(name)}`))),
      );
      for (const [name, gradient] of accumulator.sums()) {
        const expected = floats(fixture, `grad.${own(name)}`);
        expect(gradient.length).toBe(expected.length);
        // A key's bias cancels in the softmax: what is found of its gradient, which is 0, is rounding of all the others.
        const magnitude = Math.max(largest(expected), 1e-4 * largestOfAll);
        gradient.forEach((value, i) => {
          expect(Math.abs(value - (expected[i] ?? Number.NaN)) / magnitude, `${name}[${i}]`).toBeLessThan(1e-3);
        });
      }
      await programs.release();
    });

    const isEvaluated = fixture.tensors.has("expect.logits_eval");
    it.each(isEvaluated ? ["fixed"] : [])(`${fixture.name}: logits with %s statistics`, async () => {
      const { model, batch, weights } = setUp(fixture, () => () => "none");
      const programs = new ProgramCache({ model, weights, runtime, arena: new Arena() });
      const expected = floats(fixture, "expect.logits_eval");
      await programs.use(batch(0), async (program) => {
        await program.forward();
        program.logits().forEach((logit, i) => {
          expect(Math.abs(logit - (expected[i] ?? Number.NaN)) / largest(expected)).toBeLessThan(1e-4);
        });
      });
      await programs.release();
    });

    const isGenerated = fixture.tensors.has("generate.output_ids");
    it.each(isGenerated ? ["likeliest"] : [])(`${fixture.name}: the %s tokens, one after another`, async () => {
      const given = (name: string) => fixture.tensors.get(`generate.${name}`);
      const [prompt, output] = [given("input_ids"), given("output_ids")];
      const [width = 0, length = 0] = [prompt?.shape[1], output?.shape[1]];
      const { model, weights } = setUp(fixture, () => () => "none");
      const programs = new ProgramCache({ model, weights, runtime, arena: new Arena() });
      const prompts = { width, ids: prompt?.values ?? [], mask: given("attention_mask")?.values ?? [] };
      const found = await likeliestTokens(programs, prompts, length - width);
      expect([...found]).toEqual([...(output?.values ?? [])]);
      await programs.release();
    });

    it.each(Object.keys(runs))(`${fixture.name}: the run with %s`, async (run) => {
      const settings = runs[run];
      if (settings === undefined) throw new Error(`no settings for ${run}`);
      let optimizer: Optimizer | undefined;
      const { model, own, batch, batches, weights, programs } = setUp(fixture, ({ parameters }) => {
        const roles = new Map(parameters.map(({ name, role }) => [name, role]));
        return (name) =>
          optimizer === undefined ? "none" : gradientForm(optimizer.need(name), roles.get(name) ?? "weight", 0.12);
      });
      const written = new Map(model.parameters.map(({ name }) => [own(name), name]));
      const dense = settings.dense?.map((name) => written.get(name) ?? name) ?? [];
      optimizer = optimizerOf(run, { ...settings, dense }, model, weights);
      optimizer.prepare();
      const accumulator = new GradientAccumulator(model.parameters);
      const expectedLosses = floats(fixture, `run.${run}.losses`);
      expect(expectedLosses.length).toBeGreaterThan(0);
      for (let step = 0; step < expectedLosses.length; step++) {
        const { loss } = await trainStep([batch(step % batches)], {
          programs,
          optimizer,
          accumulator,
          learningRate: settings.lr,
          key: { seed: 0, step },
        });
        const expected = expectedLosses[step] ?? Number.NaN;
        expect(Math.abs(loss - expected) / Math.abs(expected), `loss of step ${step}`).toBeLessThan(1e-3);
      }
      let [entries, close] = [0, 0];
      const isBuffer = (name: string) => model.buffers.some((buffer) => buffer.name === name);
      for (const [name, values] of weights) {
        if (isBuffer(name)) continue;
        const expected = floats(fixture, `run.${run}.final.${own(name)}`);
        values.forEach((value, i) => {
          entries++;
          if (Math.abs(value - (expected[i] ?? Number.NaN)) <= 1e-3) close++;
        });
      }
      // A bias before a normalisation, where no activation is cut between them, has no gradient: Adam moves it by the signs of
      // rounding errors, and what is selected follows. So it is with four of the eight biases of resnet_bottleneck's embedder, whose
      // gradients are 1e-17 in float64 and 1e-8 in float32, of any sign. Of its run with nanoadam, which agrees in 96.0 %, PyTorch
      // itself agrees in 95.9 %, without oneDNN in 99.8, in float64 in 95.2, and from weights that differ by 1e-7 in 96.0 to 99.98 %.
      expect(close / entries).toBeGreaterThanOrEqual(model.buffers.length > 0 ? 0.95 : 0.999);
      await programs.release();
    });
  }
});
