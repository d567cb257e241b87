/** The memory that a run will take, from the shapes of its model and its batches and from its options. */
import { sizeOf } from "@nanoadam/engine";
import type { GradientNeed } from "@nanoadam/optim";
import type { Batch } from "../data/batch.js";
import { batchType } from "../data/batch.js";
import type { Model } from "../models/model.js";
import type { RunLength } from "../options/optimizer-entry.js";
import type { OptimizerOptions } from "../options/optimizer-options.js";
import type { Weights } from "../program/compile-stages.js";
import { defaultSampledBelow, type GradientForm, gradientForm } from "../program/gradient-form.js";
import { memoryOfProgram } from "../program/program-memory.js";
import type { Task } from "../tasks/task.js";
import { mostKeptInMemory } from "../train/undo.js";
import { type EstimatedParameter, optimizerCosts, type TensorCost } from "./optimizer-memory.js";

/** A run, as far as its memory goes. */
export interface EstimatedRun {
  readonly model: Model;
  readonly parameters: readonly EstimatedParameter[];
  readonly optimizer: OptimizerOptions;
  readonly length: RunLength;
  /** The largest batch of training, and of the evaluation. */
  readonly trainingBatch: Batch;
  readonly evaluationBatch: Batch;
  readonly trainingLoss: Task["loss"];
  readonly loss: Task["loss"];
  readonly dropout: number | undefined;
  readonly checkpointing: "none" | "stage";
  readonly sampledBelow: number | undefined;
  /** Whether each tensor moves inside the backward pass, so that gradients are not held all at once. */
  readonly movesAtOnce: boolean;
  /** Whether the C library gives back to the system what is freed of large blocks. */
  readonly returnsFreedMemory: boolean;
  /** Whether `analyze` looks at it, which takes every gradient whole. */
  readonly isAnalyzed?: boolean;
  /** What measures how much is kept of what the base model knew. */
  readonly retention?: EstimatedRetention;
}

/** A head of the base model's own on the body of the run. */
export interface EstimatedRetention {
  readonly model: Model;
  /** The parameters that it has beside the run's. */
  readonly ownParameters: readonly Pick<EstimatedParameter, "name" | "shape" | "isInBfloat16">[];
  readonly loss: Task["loss"];
  readonly batch: Batch;
}

/** Bytes of a run, where it takes most. */
export interface MemoryEstimate {
  readonly weights: number;
  /** What the optimizer keeps from step to step. */
  readonly states: number;
  /** What gathers of a step's gradients, and what a step that diverges is taken back with. */
  readonly gradients: number;
  /** What lies between the passes, and what the engine has on the way. */
  readonly activations: number;
  /** Node, the engine and the tokenizer. */
  readonly program: number;
  readonly peak: number;
}

/** Node with the engine, a tokenizer and small data: measured (`npm run bench -- --only estimate`). */
const programBytes = 180e6;
/** What decodes images beside it. */
const imageReaderBytes = 45e6;
/** So many times what the engine has between the operators of a network over images stays with glibc when it is freed: measured, 4 to 7. */
const keptTimes = 5;

export async function estimateMemory(run: EstimatedRun): Promise<MemoryEstimate> {
  const { parameters } = run;
  const costs = optimizerCosts(run.optimizer, parameters, run.length);
  const [weights, states, undo] = [weightBytes, stateBytes, undoBytes].map((bytesOf) =>
    parameters.reduce((sum, parameter) => sum + bytesOf(parameter, costs.get(parameter.name) as TensorCost), 0),
  ) as [number, number, number];
  const gradients = undo + sumBytes(run, (name) => costs.get(name)?.need ?? { kind: "nothing" });
  const activations = (await activationBytes(run, costs)) + (run.isAnalyzed === true ? lookBytes(parameters) : 0);
  const program = programBytes + (takesImages(run) ? imageReaderBytes : 0);
  const ownHead = (run.retention?.ownParameters ?? []).reduce((sum, parameter) => sum + weightBytes(parameter), 0);
  return {
    weights: weights + ownHead,
    states,
    gradients,
    activations,
    program,
    peak: weights + ownHead + states + gradients + activations + program,
  };
}

function takesImages({ model }: EstimatedRun): boolean {
  return model.backbone.input.kind === "image";
}

function weightBytes({ shape, isInBfloat16 }: Pick<EstimatedParameter, "shape" | "isInBfloat16">): number {
  return sizeOf(shape) * (isInBfloat16 ? 2 : 4);
}

function stateBytes(_: EstimatedParameter, { stateBytes: bytes }: TensorCost): number {
  return bytes;
}

/** The weights as they were, with their places; of large selections these are in a file. */
function undoBytes({ shape, isInBfloat16 }: EstimatedParameter, { need }: TensorCost): number {
  if (need.kind === "nothing") return 0;
  if (need.kind === "whole") return sizeOf(shape) * 4;
  const { count } = need.selection;
  return count > mostKeptInMemory ? 0 : count * ((isInBfloat16 ? 2 : 4) + 2);
}

/** The sums of a step: of all parameters, or of those whose gradients are under way at a time. */
function sumBytes({ model, parameters, movesAtOnce }: EstimatedRun, needOf: (name: string) => GradientNeed): number {
  const bytesOf = ({ name, shape }: Pick<EstimatedParameter, "name" | "shape">): number => {
    const need = needOf(name);
    if (need.kind === "nothing") return 0;
    return need.kind === "whole" ? 4 * sizeOf(shape) : need.selection.count * (need.mayBeNarrow === true ? 2 : 4);
  };
  if (!movesAtOnce) return parameters.reduce((sum, parameter) => sum + bytesOf(parameter), 0);
  // What several stages share is held until the lowest has run; memory of the others serves those of the same size.
  const stages = model.stages.map((stage) => new Map(Object.values(stage.parameters).map((each) => [each.name, each])));
  const isShared = (name: string) => stages.filter((stage) => stage.has(name)).length > 1;
  const shared = new Map(stages.flatMap((stage) => [...stage].filter(([name]) => isShared(name))));
  const most = new Map<number, number>();
  for (const stage of stages) {
    const own = [...stage].filter(([name]) => !isShared(name)).map(([, parameter]) => bytesOf(parameter));
    for (const bytes of own) {
      most.set(bytes, Math.max(most.get(bytes) ?? 0, own.filter((other) => other === bytes).length));
    }
  }
  return [...[...shared.values()].map(bytesOf), ...[...most].map(([bytes, count]) => bytes * count)].reduce(
    (sum, bytes) => sum + bytes,
    0,
  );
}

/** The largest tensor while `analyze` looks at it: its gradient where that comes in pieces, else what it began as. */
function lookBytes(parameters: readonly EstimatedParameter[]): number {
  return 4 * Math.max(...parameters.map(({ shape }) => sizeOf(shape)));
}

async function activationBytes(run: EstimatedRun, costs: ReadonlyMap<string, TensorCost>): Promise<number> {
  const { model, parameters, retention, sampledBelow = defaultSampledBelow } = run;
  const weights = weightTypes(parameters);
  const roles = new Map(parameters.map(({ name, role }) => [name, role]));
  const typesOf = (batch: Batch) => batchType(model.backbone.extend?.(batch) ?? batch);
  const needOf = (name: string) => costs.get(name)?.need ?? { kind: "nothing" as const };
  const whileTraining = (form: (name: string) => GradientForm) =>
    memoryOfProgram({
      model,
      weights,
      loss: run.trainingLoss,
      batch: typesOf(run.trainingBatch),
      training: { dropout: run.dropout, checkpointing: run.checkpointing, form },
    });
  const training = await whileTraining((name) => gradientForm(needOf(name), roles.get(name) ?? "weight", sampledBelow));
  const look =
    run.isAnalyzed === true
      ? await whileTraining((name) => (needOf(name).kind === "nothing" ? "none" : "dense"))
      : training;
  const evaluation = await memoryOfProgram({ model, weights, loss: run.loss, batch: typesOf(run.evaluationBatch) });
  // The batch in use, and the one that is loaded meanwhile.
  const batches = 2 * batchBytes(run.trainingBatch);
  const passes = [training, look, evaluation];
  if (retention !== undefined) {
    const { batch, ownParameters, ...measured } = retention;
    const together = new Map([...weights, ...weightTypes(ownParameters)]);
    passes.push(await memoryOfProgram({ ...measured, weights: together, batch: typesOf(batch) }));
  }
  // Programs share one arena.
  const arena = Math.max(...passes.map(({ arenaBytes }) => arenaBytes));
  // What computes selected entries has their places, where it found them, and the sums, besides the factors.
  const selections = [...costs.values()].map(({ need }) => (need.kind === "entries" ? need.selection.count : 0));
  const kernel = training.factorBytes === 0 ? 0 : training.factorBytes + 10 * Math.max(...selections);
  const scratch = Math.max(...passes.map(({ scratchBytes }) => scratchBytes));
  const kept = takesImages(run) && !run.returnsFreedMemory ? keptTimes * scratch : 0;
  return arena + batches + scratch + kept + kernel;
}

function batchBytes({ tensors }: Batch): number {
  return [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** Programs look at nothing of the weights but their types. */
function weightTypes(parameters: readonly Pick<EstimatedParameter, "name" | "isInBfloat16">[]): Weights {
  return new Map(
    parameters.map(({ name, isInBfloat16 }) => [name, isInBfloat16 ? new Uint16Array() : new Float32Array()]),
  );
}
