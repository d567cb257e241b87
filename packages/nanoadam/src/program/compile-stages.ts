/**
 * The stages of a model made ready to run: each is built as a graph for the types of one batch, the last one with the loss
 * on top, derived, and compiled. Stages with one block and inputs of the same types share what is compiled. A head over a large
 * vocabulary is several runs, each of some of the columns.
 */
import {
  type Arena,
  type Derivative,
  type Runtime,
  sizeOf,
  type TensorFunction,
  type TensorType,
  valuesBehind,
} from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import type { Block, Stage } from "../models/model.js";
import { tokenLoss } from "../tasks/language-model.js";
import type { LogitColumns } from "../tasks/task.js";
import { buildStage, derivedOutputs, type StageFunction, type StageOptions } from "./build-stage.js";
import { columnPieces, shapeOfColumns } from "./column-pieces.js";
import { type CompiledParts, compileParts, releaseParts } from "./compiled-parts.js";
import { groupInputs, type InputGroups, mayBeCut } from "./cut-function.js";
import type { GradientForm } from "./gradient-form.js";
import { stageDerivative } from "./stage-derivative.js";
import { compilePieceFunctions, type PieceFunctions } from "./vocabulary-loss.js";

/** Weights by their checkpoint names. */
export type Weights = ReadonlyMap<string, WeightArray>;

export interface ProgramOptions extends StageOptions {
  readonly weights: Weights;
  readonly runtime: Runtime;
  readonly arena: Arena;
  /** Logits over a vocabulary that are held at a time, at most; the head runs for as many columns, one piece after another. */
  readonly mostLogits?: number;
  /** Of a head in pieces, logits whose softmax is kept until the backward pass at most, where not only the inputs of stages are kept. */
  readonly mostKeptLogits?: number;
  /** Entries of weights held in bfloat16 that are there in float32 at a time, at most, but for a single weight that has more. */
  readonly mostWidened?: number;
  /** Absent for evaluation and prediction: no dropout, no residuals, no backward functions. */
  readonly training?: StageOptions["training"] & {
    /** The form in which a parameter's gradient is taken. */
    readonly form: (parameterName: string) => GradientForm;
    /** "stage": only each stage's input is kept, and the stage runs forward again before it runs backward. */
    readonly checkpointing?: "none" | "stage";
  };
}

export interface CompiledStage extends StageFunction {
  readonly forward: CompiledParts;
  readonly derivative: Derivative | undefined;
  readonly backward: CompiledParts | undefined;
  /** The names of the inputs that have to be brought to their places, in groups of which one is there at a time. */
  readonly groups: InputGroups;
  /** Of the logits of a piece, where they have a loss. */
  readonly ofPiece?: PieceFunctions | undefined;
  /** Whether the backward function of such a piece takes what others overwrite: the logits, or what was on the way to them. */
  readonly needsOwnColumns?: boolean;
}

/** One run of a stage's functions. */
export interface StageRun extends CompiledStage {
  readonly stage: Stage;
  /** The place of the stage in the model. */
  readonly index: number;
  /** The columns that it gives, where other runs of the same stage give the others. */
  readonly columns?: LogitColumns;
  /** Whether the softmax of the columns stays until the backward pass, so that they need not be found again. */
  readonly isKept?: boolean;
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
        const shapes = Object.entries(stage.parameters).map(([local, { name }]) => [
          ...[local, shapeOfColumns(stage, local, columns)],
          options.weights.get(name) instanceof Uint16Array,
        ]);
        const key = JSON.stringify([hidden, shapes, forms, anyBefore, isLast]);
        let compiledStage = ofBlock.get(key);
        if (compiledStage === undefined) {
          const stageFunction = buildStage(options, stage, hidden, { isLast, columns });
          const gradients = training === undefined ? undefined : { forms: new Map(forms), ofHidden: anyBefore };
          compiledStage = await compileStage(options, stage, stageFunction, gradients);
          if (columns !== undefined && options.loss !== undefined) {
            compiledStage = await withPieceFunctions(runtime, stage, compiledStage);
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
  return withKept(options, runs);
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

/** Logits whose softmax is kept, unless told: 128 MB of them. */
const defaultMostKeptLogits = 2 ** 25;

/** Marks the last pieces of a head: those whose softmax may be kept. */
function withKept(
  { training, mostKeptLogits = defaultMostKeptLogits }: ProgramOptions,
  runs: readonly StageRun[],
): StageRun[] {
  // The first piece is the largest.
  const logits = runs.find(({ columns }) => columns !== undefined)?.tensors.outputs[0]?.value.type.shape ?? [];
  const count = training?.checkpointing === "stage" ? 0 : Math.floor(mostKeptLogits / sizeOf(logits));
  return runs.map((run, index) => ({
    ...run,
    isKept: run.needsOwnColumns === false && index >= runs.length - count,
  }));
}

/** Whether the backward function of a piece takes what other pieces overwrite, and not only what all find alike. */
function needsOwnColumns({ columnParameters }: Stage, { tensors, inputs, derivative }: CompiledStage): boolean {
  if (derivative === undefined) return true;
  const own = tensors.inputs.filter(({ name }) => {
    const given = inputs.get(name);
    return given?.kind === "dropout" || (given?.kind === "parameter" && columnParameters?.includes(given.local));
  });
  const taken = new Set(derivative.backward.inputs.map(({ name }) => name));
  const found = derivative.forward.outputs.filter(({ name }) => taken.has(name));
  const behind = valuesBehind(found.map(({ value }) => value));
  return own.some(({ value }) => behind.has(value));
}

/** Frees what the engine holds of some stages. */
export async function releaseStages(stages: readonly CompiledStage[]): Promise<void> {
  const functions = stages.flatMap(({ forward, backward, ofPiece }) => [
    ...[...forward.parts, ...(backward?.parts ?? [])].map(({ compiled }) => compiled),
    ...[ofPiece?.judge, ofPiece?.gradient],
  ]);
  for (const compiled of new Set(functions)) await compiled?.release();
}

/** As many entries as a layer of ordinary size has. */
const defaultMostWidened = 2 ** 24;

/**
 * What a stage's functions have to be given anew before they run: gathered rows, and weights that are held in bfloat16. Of large layers
 * these come in groups, so that not all of them are there in float32 at a time.
 */
function groupsOf(
  { weights, mostWidened = defaultMostWidened }: ProgramOptions,
  parameters: Stage["parameters"],
  { inputs }: StageFunction,
  functions: readonly TensorFunction[],
): InputGroups {
  const narrow = new Set<string>();
  const rows: string[] = [];
  for (const [name, given] of inputs) {
    if (given.kind === "rows") rows.push(name);
    const held = given.kind === "parameter" ? weights.get(parameters[given.local]?.name ?? "") : undefined;
    if (held instanceof Uint16Array) narrow.add(name);
  }
  const [forward] = functions;
  const together = [[...rows, ...narrow]];
  if (rows.length > 0 || forward === undefined) return together;
  const wide = forward.inputs.filter(({ name }) => narrow.has(name));
  const groups = groupInputs(
    forward,
    new Map(wide.map(({ name, value }) => [name, sizeOf(value.type.shape)])),
    mostWidened,
  );
  return functions.every((each) => mayBeCut(each, groups)) ? groups : together;
}

async function compileStage(
  options: ProgramOptions,
  { parameters }: Stage,
  stage: StageFunction,
  gradients: { readonly forms: ReadonlyMap<string, GradientForm>; readonly ofHidden: boolean } | undefined,
): Promise<CompiledStage> {
  const { runtime } = options;
  const names = { forward: "between.forward", backward: "between.backward" };
  if (gradients === undefined) {
    const groups = groupsOf(options, parameters, stage, [stage.tensors]);
    const forward = await compileParts(runtime, stage.tensors, groups, names.forward);
    return { ...stage, forward, derivative: undefined, backward: undefined, groups };
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
  const groups = groupsOf(options, parameters, stage, [derivative.forward, derivative.backward]);
  const forward = await compileParts(runtime, derivative.forward, groups, names.forward);
  try {
    const backward =
      wanted.size === 0 ? undefined : await compileParts(runtime, derivative.backward, groups, names.backward);
    return { ...stage, derivative, forward, backward, groups };
  } catch (error) {
    await releaseParts(forward);
    throw error;
  }
}

async function withPieceFunctions(runtime: Runtime, stage: Stage, compiled: CompiledStage): Promise<CompiledStage> {
  const [logits] = compiled.tensors.outputs;
  if (logits === undefined) throw new Error(`${compiled.tensors.name} has no logits`);
  try {
    const isTraining = compiled.backward !== undefined;
    const ofPiece = await compilePieceFunctions(runtime, logits.value.type, isTraining);
    return { ...compiled, ofPiece, needsOwnColumns: needsOwnColumns(stage, compiled) };
  } catch (error) {
    await releaseStages([compiled]);
    throw error;
  }
}
