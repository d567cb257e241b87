/**
 * The stages of a model made ready to run: each is built as a graph for the types of one batch, the last one with the loss
 * on top, derived, and compiled. Stages with one block and inputs of the same types share what is compiled.
 */
import {
  type Arena,
  add,
  type CompiledFunction,
  concatenate,
  type Derivative,
  derive,
  dropout,
  input,
  linear,
  type NamedValue,
  type Runtime,
  sizeOf,
  type TensorFunction,
  type TensorType,
  tensorFunction,
  type Value,
  valuesBehind,
} from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { type BatchType, cachedPlaces } from "../data/batch.js";
import { adapterNames, adapterOutput } from "../models/lora.js";
import type { Block, Model, Stage, StageContext } from "../models/model.js";
import type { Task } from "../tasks/task.js";
import type { GradientForm } from "./gradient-form.js";

/**
 * Logits over a vocabulary that are held at a time, unless told: 32 MB of them. Of 128,256 tokens they are 64 rows, for which
 * reading the head's weights takes no longer than the product with them.
 */
const defaultMostLogits = 2 ** 23;

/** Weights by their checkpoint names. */
export type Weights = ReadonlyMap<string, WeightArray>;

export interface ProgramOptions {
  readonly model: Model;
  /** What is minimised, summed over the rows of the logits; absent for prediction. */
  readonly loss?: Task["loss"];
  readonly batch: BatchType;
  readonly weights: Weights;
  readonly runtime: Runtime;
  readonly arena: Arena;
  /** Logits over a vocabulary that are held at a time, at most; the head runs on as many rows, one piece after another. */
  readonly mostLogits?: number;
  /** Absent for evaluation and prediction: no dropout, no residuals, no backward functions. */
  readonly training?: {
    /** Replaces every dropout rate of the model. */
    readonly dropout: number | undefined;
    /** The form in which a parameter's gradient is taken. */
    readonly form: (parameterName: string) => GradientForm;
    /** "stage": only each stage's input is kept, and the stage runs forward again before it runs backward. */
    readonly checkpointing?: "none" | "stage";
  };
}

/** What an input of a stage's function is. */
export type StageInput =
  | { readonly kind: "hidden" }
  | { readonly kind: "batch"; readonly name: string }
  | { readonly kind: "parameter"; readonly local: string }
  | { readonly kind: "rows"; readonly table: string; readonly indices: string }
  | { readonly kind: "buffer"; readonly local: string }
  | { readonly kind: "dropout"; readonly rate: number; readonly use: number }
  | { readonly kind: "cache"; readonly name: string };

/** A stage's function and what its inputs are, by their names. */
interface StageFunction {
  readonly tensors: TensorFunction;
  readonly inputs: ReadonlyMap<string, StageInput>;
}

export interface CompiledStage extends StageFunction {
  readonly forward: CompiledFunction;
  readonly derivative: Derivative | undefined;
  readonly backward: CompiledFunction | undefined;
}

/** Consecutive rows of the stage before. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
  /** Of so many. */
  readonly of: number;
}

/** One run of a stage's functions. */
export interface StageRun extends CompiledStage {
  readonly stage: Stage;
  /** The place of the stage in the model. */
  readonly index: number;
  /** The rows that it takes in, where another run of the same stage takes the others. */
  readonly rows?: RowRange;
}

/** The type of a part of a tensor that has a row for each of the stage before. */
export function typeOfRows(type: TensorType, rows: RowRange | undefined): TensorType {
  if (rows === undefined) return type;
  const [count, ...row] = type.shape;
  if (count !== rows.of) throw new Error(`[${type.shape}] has not ${rows.of} rows`);
  return { ...type, shape: [rows.to - rows.from, ...row] };
}

/** Names of the outputs of stages' functions: a hidden state, or the last stage's. */
export const outputNames = { hidden: "output", logits: "logits", loss: "loss" } as const;

/** The output that is a buffer's next value. */
export function updateName(localBuffer: string): string {
  return `update.${localBuffer}`;
}
/** The output that has what a stage adds to a cached tensor. */
export const addedToCache = (name: string): string => `added.${name}`;

/** The output that a stage's gradient is taken of: the loss of the last stage that has one, else what it hands on. */
export function derivedOutput({ tensors }: StageFunction): NamedValue {
  const found = tensors.outputs.find(({ name }) => name === outputNames.loss) ?? tensors.outputs[0];
  if (found === undefined) throw new Error(`${tensors.name} has no output`);
  return found;
}

/**
 * Builds, derives and compiles the stages; the result has a run for each, and of a head over a large vocabulary one for each
 * piece of the rows. Where one fails, the others are released.
 */
export async function compileStages(options: ProgramOptions): Promise<StageRun[]> {
  const { model, runtime, training } = options;
  const compiled = new Map<Block, Map<string, CompiledStage>>();
  const runs: StageRun[] = [];
  let hidden: TensorType | undefined;
  // The gradient of a stage's input is wanted where a stage before it has parameters that move.
  let anyBefore = false;
  try {
    for (const [index, stage] of model.stages.entries()) {
      const forms = Object.entries(stage.parameters).map(
        ([local, { name }]) => [local, training?.form(name) ?? "none"] as const,
      );
      const shapes = Object.entries(stage.parameters).map(([local, { shape }]) => [local, shape]);
      const isLast = index === model.stages.length - 1;
      const ofBlock = compiled.get(stage.block) ?? new Map<string, CompiledStage>();
      compiled.set(stage.block, ofBlock);
      for (const rows of isLast ? piecesOf(options, stage, hidden) : [undefined]) {
        const given = hidden === undefined ? undefined : typeOfRows(hidden, rows);
        const key = JSON.stringify([given, shapes, forms, anyBefore, isLast]);
        let compiledStage = ofBlock.get(key);
        if (compiledStage === undefined) {
          const stageFunction = buildStage(options, stage, given, { isLast, rows });
          const gradients = training === undefined ? undefined : { forms: new Map(forms), ofHidden: anyBefore };
          compiledStage = await compileStage(runtime, stageFunction, gradients);
          ofBlock.set(key, compiledStage);
        }
        runs.push({ ...compiledStage, stage, index, ...(rows === undefined ? {} : { rows }) });
      }
      anyBefore ||= forms.some(([, form]) => form !== "none");
      hidden = runs.at(-1)?.tensors.outputs[0]?.value.type;
    }
  } catch (error) {
    await releaseStages(runs);
    throw error;
  }
  return runs;
}

/** The rows that the last stage takes at a time: all, unless there are too many logits over a vocabulary. */
function piecesOf(options: ProgramOptions, stage: Stage, hidden: TensorType | undefined): (RowRange | undefined)[] {
  if (options.model.head.kind !== "language-model") return [undefined];
  const { mostLogits = defaultMostLogits } = options;
  const [logits] = buildStage(options, stage, hidden, { isLast: true }).tensors.outputs;
  const [of = 1, columns = 1] = logits?.value.type.shape ?? [];
  const most = Math.max(1, Math.floor(mostLogits / columns));
  if (most >= of) return [undefined];
  // Memory is aligned to 64 bytes, which are 16 labels.
  const count = most < 16 ? most : most - (most % 16);
  return Array.from({ length: Math.ceil(of / count) }, (_, piece) => ({
    from: piece * count,
    to: Math.min(of, (piece + 1) * count),
    of,
  }));
}

/** Frees what the engine holds of some stages. */
export async function releaseStages(stages: readonly CompiledStage[]): Promise<void> {
  for (const compiled of new Set(stages.flatMap(({ forward, backward }) => [forward, backward]))) {
    await compiled?.release();
  }
}

function buildStage(
  { model, loss, batch, training }: ProgramOptions,
  stage: Stage,
  hiddenType: TensorType | undefined,
  { isLast, rows }: { readonly isLast: boolean; readonly rows?: RowRange | undefined },
): StageFunction {
  const inputs = new Map<string, StageInput>();
  const values = new Map<string, Value>();
  const added: NamedValue[] = [];
  const places = cachedPlaces(batch);
  let dropouts = 0;
  const given = (name: string, what: StageInput, type: TensorType | undefined): Value => {
    const known = values.get(name);
    if (known !== undefined) return known;
    if (type === undefined) throw new Error(`${stage.name} uses "${name}", which there is not`);
    const value = input(type.dataType, type.shape);
    values.set(name, value);
    inputs.set(name, what);
    return value;
  };
  const ofBatch = (name: string) => {
    const type = batch.get(name);
    return given(`batch.${name}`, { kind: "batch", name }, type === undefined ? undefined : typeOfRows(type, rows));
  };
  const parameter = (local: string) => {
    const shape = stage.parameters[local]?.shape;
    return given(
      `parameter.${local}`,
      { kind: "parameter", local },
      shape === undefined ? undefined : { dataType: "float32", shape },
    );
  };
  const updates = new Map<string, Value>();
  const context: StageContext = {
    mode: training === undefined ? "evaluate" : "train",
    hidden: () => given("hidden", { kind: "hidden" }, hiddenType),
    input: ofBatch,
    parameter,
    rows(table, indices) {
      const shape = batch.get(indices)?.shape;
      const columns = stage.parameters[table]?.shape[1];
      return given(
        `rows.${table}.${indices}`,
        { kind: "rows", table, indices },
        shape === undefined || columns === undefined
          ? undefined
          : { dataType: "float32", shape: [sizeOf(shape), columns] },
      );
    },
    linear(local, x) {
      const bias = `${local}.bias`;
      const weight = parameter(`${local}.weight`);
      const output = linear(x, weight, bias in stage.parameters ? parameter(bias) : undefined);
      if (model.adapter === undefined || !(adapterNames(local).a in stage.parameters)) return output;
      return add(output, adapterOutput(context, local, x, model.adapter));
    },
    dropout(x, modelRate) {
      const rate = training?.dropout ?? modelRate;
      if (training === undefined || rate === 0) return x;
      const use = dropouts++;
      const mask = given(`dropout.${use}`, { kind: "dropout", rate, use }, { dataType: "bool", shape: x.type.shape });
      return dropout(x, mask, rate);
    },
    buffer(local) {
      const shape = stage.buffers?.[local]?.shape;
      return given(
        `buffer.${local}`,
        { kind: "buffer", local },
        shape === undefined ? undefined : { dataType: "float32", shape },
      );
    },
    update(local, value) {
      if (training !== undefined) updates.set(local, value);
    },
    cached(name, x) {
      if (places === 0) return x;
      added.push({ name: addedToCache(name), value: x });
      const shape = x.type.shape.with(2, places);
      return concatenate([given(`cache.${name}`, { kind: "cache", name }, { dataType: "float32", shape }), x], 2);
    },
  };
  const output = stage.block(context);
  const outputs: NamedValue[] = isLast
    ? [
        { name: outputNames.logits, value: output },
        ...(loss === undefined ? [] : [{ name: outputNames.loss, value: loss(output, ofBatch) }]),
      ]
    : [{ name: outputNames.hidden, value: output }, ...added];
  for (const [local, value] of updates) outputs.push({ name: updateName(local), value });
  const used = valuesBehind(outputs.map(({ value }) => value));
  const named = [...values].filter(([, value]) => used.has(value)).map(([name, value]) => ({ name, value }));
  return {
    tensors: tensorFunction(stage.name, named, outputs),
    inputs: new Map([...inputs].filter(([name]) => used.has(values.get(name) as Value))),
  };
}

async function compileStage(
  runtime: Runtime,
  stage: StageFunction,
  gradients: { readonly forms: ReadonlyMap<string, GradientForm>; readonly ofHidden: boolean } | undefined,
): Promise<CompiledStage> {
  if (gradients === undefined) {
    return { ...stage, forward: await runtime.compile(stage.tensors), derivative: undefined, backward: undefined };
  }
  const wanted = new Map<string, readonly "product"[]>();
  for (const [name, what] of stage.inputs) {
    if (what.kind === "hidden" && gradients.ofHidden) wanted.set(name, []);
    const local = what.kind === "parameter" ? what.local : what.kind === "rows" ? what.table : undefined;
    const form = local === undefined ? "none" : (gradients.forms.get(local) ?? "none");
    if (form !== "none") wanted.set(name, form === "product" ? ["product"] : []);
  }
  const derivative = derive(stage.tensors, { outputs: [derivedOutput(stage).name], inputs: wanted });
  const forward = await runtime.compile(derivative.forward);
  try {
    const backward = wanted.size === 0 ? undefined : await runtime.compile(derivative.backward);
    return { ...stage, derivative, forward, backward };
  } catch (error) {
    await forward.release();
    throw error;
  }
}
