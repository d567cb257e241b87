/**
 * The stages of a model made ready to run: each is built as a graph for the types of one batch, the last one with the loss
 * on top, derived, and compiled. Stages with one block and inputs of the same types share what is compiled.
 */
import {
  type Arena,
  add,
  type CompiledFunction,
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
} from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import type { BatchType } from "../data/batch.js";
import { adapterNames, adapterOutput } from "../models/lora.js";
import type { Block, Model, Stage, StageContext } from "../models/model.js";
import type { Task } from "../tasks/task.js";
import type { GradientForm } from "./gradient-form.js";

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
  | { readonly kind: "dropout"; readonly rate: number; readonly use: number };

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

/** Names of the outputs of stages' functions: a hidden state, or the last stage's. */
export const outputNames = { hidden: "output", logits: "logits", loss: "loss" } as const;

/** The output that a stage's gradient is taken of: the loss of the last stage that has one, else what it hands on. */
export function derivedOutput({ tensors }: StageFunction): NamedValue {
  const found = tensors.outputs.find(({ name }) => name === outputNames.loss) ?? tensors.outputs[0];
  if (found === undefined) throw new Error(`${tensors.name} has no output`);
  return found;
}

/** Builds, derives and compiles the stages; the result has an entry for each. Where one fails, the others are released. */
export async function compileStages(options: ProgramOptions): Promise<CompiledStage[]> {
  const { model, runtime, training } = options;
  const compiled = new Map<Block, Map<string, CompiledStage>>();
  const stages: CompiledStage[] = [];
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
      const key = JSON.stringify([hidden, shapes, forms, anyBefore, isLast]);
      const ofBlock = compiled.get(stage.block) ?? new Map<string, CompiledStage>();
      compiled.set(stage.block, ofBlock);
      let compiledStage = ofBlock.get(key);
      if (compiledStage === undefined) {
        const stageFunction = buildStage(options, stage, hidden, isLast);
        const gradients = training === undefined ? undefined : { forms: new Map(forms), ofHidden: anyBefore };
        compiledStage = await compileStage(runtime, stageFunction, gradients);
        ofBlock.set(key, compiledStage);
      }
      stages.push(compiledStage);
      anyBefore ||= forms.some(([, form]) => form !== "none");
      hidden = compiledStage.tensors.outputs[0]?.value.type;
    }
  } catch (error) {
    await releaseStages(stages);
    throw error;
  }
  return stages;
}

/** Frees what the engine holds of some stages. */
export async function releaseStages(stages: readonly CompiledStage[]): Promise<void> {
  for (const { forward, backward } of new Set(stages)) {
    await forward.release();
    await backward?.release();
  }
}

function buildStage(
  { model, loss, batch, training }: ProgramOptions,
  stage: Stage,
  hiddenType: TensorType | undefined,
  isLast: boolean,
): StageFunction {
  const inputs = new Map<string, StageInput>();
  const values = new Map<string, Value>();
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
    const shape = stage.parameters[local]?.shape;
    return given(
      `parameter.${local}`,
      { kind: "parameter", local },
      shape === undefined ? undefined : { dataType: "float32", shape },
    );
  };
  const context: StageContext = {
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
  };
  const output = stage.block(context);
  const outputs: NamedValue[] = isLast
    ? [
        { name: outputNames.logits, value: output },
        ...(loss === undefined ? [] : [{ name: outputNames.loss, value: loss(output, ofBatch) }]),
      ]
    : [{ name: outputNames.hidden, value: output }];
  const used = valuesBehind(outputs.map(({ value }) => value));
  const named = [...values].filter(([, value]) => used.has(value)).map(([name, value]) => ({ name, value }));
  return {
    tensors: tensorFunction(stage.name, named, outputs),
    inputs: new Map([...inputs].filter(([name]) => used.has(values.get(name) as Value))),
  };
}

/** All values that some values are computed from. */
function valuesBehind(outputs: readonly Value[]): ReadonlySet<Value> {
  const seen = new Set<Value>();
  const visit = (value: Value): void => {
    if (seen.has(value)) return;
    seen.add(value);
    value.node.inputs.forEach(visit);
  };
  outputs.forEach(visit);
  return seen;
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
