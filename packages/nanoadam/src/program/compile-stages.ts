/**
 * The stages of a model made ready to run: each is built as a graph for the types of one batch, the last one with the loss
 * on top, derived, and compiled. Stages with one block and inputs of the same types share what is compiled. A head over a large
 * vocabulary is several runs, each of some of the columns.
 */
import {
  type Arena,
  type CompiledFunction,
  concatenate,
  type Derivative,
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
import { adaptedLinear, adapterNames } from "../models/lora.js";
import type { Block, Model, Stage, StageContext } from "../models/model.js";
import { tokenLoss } from "../tasks/language-model.js";
import type { LogitColumns, Task } from "../tasks/task.js";
import { columnPieces, shapeOfColumns } from "./column-pieces.js";
import type { GradientForm } from "./gradient-form.js";
import { stageDerivative } from "./stage-derivative.js";
import { compilePieceFunctions, type PieceFunctions, pieceTensors } from "./vocabulary-loss.js";

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
  /** Logits over a vocabulary that are held at a time, at most; the head runs for as many columns, one piece after another. */
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
  /** Of the logits of a piece, where they have a loss. */
  readonly ofPiece?: PieceFunctions | undefined;
}

/** One run of a stage's functions. */
export interface StageRun extends CompiledStage {
  readonly stage: Stage;
  /** The place of the stage in the model. */
  readonly index: number;
  /** The columns that it gives, where other runs of the same stage give the others. */
  readonly columns?: LogitColumns;
}

/** Names of the outputs of stages' functions: a hidden state, or the last stage's, whose pieces have logits only. */
export const outputNames = { hidden: "output", logits: pieceTensors.logits, loss: "loss" } as const;

/** The output that is a buffer's next value. */
export function updateName(localBuffer: string): string {
  return `update.${localBuffer}`;
}
/** The output that has what a stage adds to a cached tensor. */
export const addedToCache = (name: string): string => `added.${name}`;

/** The outputs that a stage's gradient is taken of: the loss, or what the stage hands on. */
export function derivedOutputs({ tensors }: StageFunction): readonly NamedValue[] {
  const others = tensors.outputs.filter(({ name }) => name !== outputNames.logits);
  return others.length > 0 ? others : tensors.outputs;
}

/**
 * Builds, derives and compiles the stages; the result has a run for each, and of a head over a large vocabulary one for each
 * piece of the columns. Where one fails, the others are released.
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
      const isLast = index === model.stages.length - 1;
      const ofBlock = compiled.get(stage.block) ?? new Map<string, CompiledStage>();
      compiled.set(stage.block, ofBlock);
      for (const columns of isLast ? piecesOf(options, stage, hidden) : [undefined]) {
        const shapes = Object.keys(stage.parameters).map((local) => [local, shapeOfColumns(stage, local, columns)]);
        const key = JSON.stringify([hidden, shapes, forms, anyBefore, isLast]);
        let compiledStage = ofBlock.get(key);
        if (compiledStage === undefined) {
          const stageFunction = buildStage(options, stage, hidden, { isLast, columns });
          const gradients = training === undefined ? undefined : { forms: new Map(forms), ofHidden: anyBefore };
          compiledStage = await compileStage(runtime, stageFunction, gradients);
          if (columns !== undefined && options.loss !== undefined) {
            compiledStage = await withPieceFunctions(runtime, compiledStage);
          }
          ofBlock.set(key, compiledStage);
        }
        runs.push({ ...compiledStage, stage, index, ...(columns === undefined ? {} : { columns }) });
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

/** The columns that the last stage gives at a time. */
function piecesOf(options: ProgramOptions, stage: Stage, hidden: TensorType | undefined): (LogitColumns | undefined)[] {
  const { weights, training, loss, mostLogits } = options;
  // Only cross-entropy is known to be made of what pieces give.
  const mayBePieces = options.model.head.kind === "language-model" && (loss === undefined || loss === tokenLoss);
  const local = mayBePieces ? stage.columnParameters?.[0] : undefined;
  const table = local === undefined ? undefined : stage.parameters[local];
  if (local === undefined || table === undefined) return [undefined];
  const [logits] = buildStage(options, stage, hidden, { isLast: true }).tensors.outputs;
  const [rows = 1, columns = 1] = logits?.value.type.shape ?? [];
  const isCopied = weights.get(table.name) instanceof Uint16Array || training?.form(table.name) === "dense";
  return columnPieces({ rows, columns, width: isCopied ? (table.shape[1] ?? 1) : 0, mostLogits });
}

/** Frees what the engine holds of some stages. */
export async function releaseStages(stages: readonly CompiledStage[]): Promise<void> {
  const functions = stages.flatMap(({ forward, backward, ofPiece }) => [
    ...[forward, backward],
    ...[ofPiece?.logSum, ofPiece?.gradient],
  ]);
  for (const compiled of new Set(functions)) await compiled?.release();
}

function buildStage(
  { model, loss, batch, training }: ProgramOptions,
  stage: Stage,
  hiddenType: TensorType | undefined,
  { isLast, columns }: { readonly isLast: boolean; readonly columns?: LogitColumns | undefined },
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
  const ofBatch = (name: string) => given(`batch.${name}`, { kind: "batch", name }, batch.get(name));
  const parameter = (local: string) => {
    const shape = shapeOfColumns(stage, local, columns);
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
      const hasBias = bias in stage.parameters;
      if (model.adapter !== undefined && adapterNames(local).a in stage.parameters) {
        return adaptedLinear(context, local, x, hasBias, model.adapter);
      }
      return linear(x, parameter(`${local}.weight`), hasBias ? parameter(bias) : undefined);
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
  const lossOutputs = (): NamedValue[] => {
    // Pieces make it together, of their logits.
    return loss !== undefined && columns === undefined
      ? [{ name: outputNames.loss, value: loss(output, ofBatch) }]
      : [];
  };
  const outputs: NamedValue[] = isLast
    ? [{ name: outputNames.logits, value: output }, ...lossOutputs()]
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
  const outputs = derivedOutputs(stage).map(({ name }) => name);
  const derivative = stageDerivative(stage.tensors, outputs, wanted);
  const forward = await runtime.compile(derivative.forward);
  try {
    const backward = wanted.size === 0 ? undefined : await runtime.compile(derivative.backward);
    return { ...stage, derivative, forward, backward };
  } catch (error) {
    await forward.release();
    throw error;
  }
}

async function withPieceFunctions(runtime: Runtime, compiled: CompiledStage): Promise<CompiledStage> {
  const [logits] = compiled.tensors.outputs;
  if (logits === undefined) throw new Error(`${compiled.tensors.name} has no logits`);
  try {
    const isTraining = compiled.backward !== undefined;
    return { ...compiled, ofPiece: await compilePieceFunctions(runtime, logits.value.type, isTraining) };
  } catch (error) {
    await releaseStages([compiled]);
    throw error;
  }
}
