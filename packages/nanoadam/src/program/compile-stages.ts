/**
 * The stages of a model made ready to run: each kind of stage is built as a graph for one batch shape, the last one with
 * the loss on top, derived, and compiled once.
 */
import {
  type Arena,
  type CompiledFunction,
  type Derivative,
  derive,
  dropout,
  type GradientStructure,
  input,
  type NamedValue,
  type Runtime,
  type TensorFunction,
  type TensorType,
  tensorFunction,
  type Value,
} from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import type { BatchShape, Model, StageContext } from "../models/model.js";
import type { Objective } from "../tasks/objective.js";

/** Weights by their checkpoint names. */
export type Weights = ReadonlyMap<string, WeightArray>;

export interface ProgramOptions {
  readonly model: Model;
  readonly objective: Objective;
  readonly shape: BatchShape;
  readonly weights: Weights;
  readonly runtime: Runtime;
  readonly arena: Arena;
  /** Absent for evaluation: no dropout, no residuals, no backward functions. */
  readonly training?: {
    /** Replaces every dropout rate of the model. */
    readonly dropout: number | undefined;
    /** The structures in which a parameter's gradient is taken; undefined where none is needed. */
    readonly structures: (parameterName: string) => readonly GradientStructure[] | undefined;
    /** "stage": only each stage's input is kept, and the stage runs forward again before it runs backward. */
    readonly checkpointing?: "none" | "stage";
  };
}

export interface DropoutMask {
  readonly name: string;
  readonly rate: number;
}

/** Rows of an embedding table that a stage's function is given as the input `name`. */
export interface Lookup {
  readonly name: string;
  /** The table's local name. */
  readonly table: string;
  /** The batch tensor that numbers the rows. */
  readonly rows: string;
}

/** A stage's function and what it turned out to use. */
interface StageFunction {
  readonly tensors: TensorFunction;
  readonly masks: readonly DropoutMask[];
  readonly lookups: readonly Lookup[];
}

export interface CompiledStage {
  readonly masks: readonly DropoutMask[];
  readonly lookups: readonly Lookup[];
  readonly forward: CompiledFunction;
  readonly derivative: Derivative | undefined;
  readonly backward: CompiledFunction | undefined;
}

/** Builds, derives and compiles every kind of stage once; the result has an entry for every stage. */
export async function compileStages(options: ProgramOptions): Promise<CompiledStage[]> {
  const { model, runtime, training } = options;
  const compiled = new Map<string, CompiledStage>();
  const stages: CompiledStage[] = [];
  let hidden: TensorType | undefined;
  // The gradient of a stage's input is wanted where a stage before it has parameters that move.
  let anyBefore = false;
  for (const [index, stage] of model.stages.entries()) {
    const wanted = [...stage.parameters].map(([local, name]) => [local, training?.structures(name)] as const);
    const key = JSON.stringify([stage.kind, wanted, anyBefore]);
    let compiledStage = compiled.get(key);
    if (compiledStage === undefined) {
      const stageFunction = buildStage(options, index, hidden);
      const gradients = training === undefined ? undefined : { wanted, ofHidden: anyBefore };
      compiledStage = await compileStage(runtime, stageFunction, gradients);
      compiled.set(key, compiledStage);
    }
    stages.push(compiledStage);
    anyBefore ||= wanted.some(([, structures]) => structures !== undefined);
    hidden = compiledStage.forward.tensors.outputs[0]?.value.type;
  }
  return stages;
}

function buildStage(options: ProgramOptions, index: number, hiddenType: TensorType | undefined): StageFunction {
  const { model, objective, shape, training } = options;
  const stage = model.stages[index];
  if (stage === undefined) throw new Error(`the model has no stage ${index}`);
  const shapes = new Map(model.parameters.map(({ name, shape: parameterShape }) => [name, parameterShape]));
  const batchTypes = new Map([...model.inputTypes(shape), ...objective.inputTypes(shape)]);
  const inputs = new Map<string, Value>();
  const masks: DropoutMask[] = [];
  const lookups: Lookup[] = [];
  const given = (name: string, type: TensorType | undefined): Value => {
    const known = inputs.get(name);
    if (known !== undefined) return known;
    if (type === undefined) throw new Error(`${stage.name} uses "${name}", which is not declared`);
    const value = input(type.dataType, type.shape);
    inputs.set(name, value);
    return value;
  };
  const batchInput = (name: string) => given(`batch.${name}`, batchTypes.get(name));
  const shapeOf = (local: string) => shapes.get(stage.parameters.get(local) ?? "");
  const context: StageContext = {
    ...shape,
    hidden: () => given("hidden", hiddenType),
    parameter(local) {
      const parameterShape = shapeOf(local);
      return given(
        `parameter.${local}`,
        parameterShape === undefined ? undefined : { dataType: "float32", shape: parameterShape },
      );
    },
    lookUp(table, rows) {
      const [count, columns] = [batchTypes.get(rows)?.shape[0], shapeOf(table)?.[1]];
      const type =
        count === undefined || columns === undefined
          ? undefined
          : ({ dataType: "float32", shape: [count, columns] } as const);
      const name = `lookup.${table}.${rows}`;
      if (!inputs.has(name)) lookups.push({ name, table, rows });
      return given(name, type);
    },
    batchInput,
    dropout(x, modelRate) {
      const rate = training?.dropout ?? modelRate;
      if (training === undefined || rate === 0) return x;
      const name = `dropout.${masks.length}`;
      masks.push({ name, rate });
      return dropout(x, given(name, { dataType: "bool", shape: x.type.shape }), rate);
    },
  };
  const output = stage.build(context);
  const isLast = index === model.stages.length - 1;
  const outputs: NamedValue[] = isLast
    ? [
        { name: "logits", value: output },
        { name: "loss", value: objective.loss(output, batchInput) },
      ]
    : [{ name: "output", value: output }];
  const named = [...inputs].map(([name, value]) => ({ name, value }));
  return { tensors: tensorFunction(stage.name, named, outputs), masks, lookups };
}

async function compileStage(
  runtime: Runtime,
  { tensors, masks, lookups }: StageFunction,
  gradients:
    | {
        readonly wanted: readonly (readonly [local: string, structures: readonly GradientStructure[] | undefined])[];
        readonly ofHidden: boolean;
      }
    | undefined,
): Promise<CompiledStage> {
  if (gradients === undefined) {
    return { masks, lookups, forward: await runtime.compile(tensors), derivative: undefined, backward: undefined };
  }
  const inputs = new Map<string, readonly GradientStructure[]>();
  if (gradients.ofHidden) inputs.set("hidden", []);
  for (const [local, structures] of gradients.wanted) {
    if (structures === undefined) continue;
    for (const { name } of tensors.inputs) {
      const isRowsOfIt = lookups.some((lookup) => lookup.name === name && lookup.table === local);
      if (isRowsOfIt || name === `parameter.${local}`) inputs.set(name, structures);
    }
  }
  const isLast = tensors.outputs.some(({ name }) => name === "loss");
  const derivative = derive(tensors, { outputs: [isLast ? "loss" : "output"], inputs });
  return {
    masks,
    lookups,
    derivative,
    forward: await runtime.compile(derivative.forward),
    backward: inputs.size === 0 ? undefined : await runtime.compile(derivative.backward),
  };
}
