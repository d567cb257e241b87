/** A model as one function of texts, for batches of any size: the form in which other programs take it. */
import {
  type DynamicSize,
  gather,
  indices,
  input,
  linear,
  type NamedValue,
  reshape,
  standInSizes,
  type TensorFunction,
  tensorFunction,
  type Value,
  valuesBehind,
} from "@nanoadam/engine";
import { InputError } from "../errors.js";
import { type GraphBatch, sizesOf, withValues } from "../models/graph-batch.js";
import type { Model, Stage, StageContext } from "../models/model.js";

export interface WholeModel {
  /** From the batch's tensors and the parameters, by their checkpoint names, to `logits`. */
  readonly tensors: TensorFunction;
  /** From `input_ids`, `attention_mask` and `token_type_ids` to what the batch has beside them. */
  readonly prepare: TensorFunction;
  readonly parameters: ReadonlySet<string>;
  /** The sizes that differ from batch to batch. */
  readonly sizes: readonly DynamicSize[];
}

/**
 * @param skip makes the function for other numbers in the place of the sizes that differ; what is written of it is the same
 * @throws InputError for an architecture whose batches cannot be computed in a graph
 */
export function wholeModel(model: Model, skip = 0): WholeModel {
  const { backbone } = model;
  if (backbone.extendGraph === undefined) {
    throw new InputError(`a ${model.architecture} cannot be exported to ONNX yet; encoders can`);
  }
  const [texts = 1, length = 1] = standInSizes(2, numbersOf(model), skip);
  const names = ["input_ids", "attention_mask", "token_type_ids"];
  const given: GraphBatch = new Map(names.map((name) => [name, input("int32", [texts, length])]));
  const batch = withValues(backbone.extendGraph(given), { predicted_positions: indices(texts * length) });
  const built = buildStages(model, batch);
  const prepared = [...batch].filter(([name, value]) => given.get(name) !== value && built.batch.has(name));
  const logits = perPosition(model, built.output, sizesOf(batch));
  return {
    tensors: usedFunction("model", [...built.batch, ...built.parameters], [["logits", logits]]),
    prepare: usedFunction("batch", [...given], prepared),
    parameters: new Set(built.parameters.keys()),
    sizes: [
      { name: "batch_size", size: texts, input: "input_ids", axis: 0 },
      { name: "sequence_length", size: length, input: "input_ids", axis: 1 },
    ],
  };
}

/** The sizes that a model knows, which the stand-ins must differ from. */
function numbersOf({ parameters }: Model): Set<number> {
  return new Set(parameters.flatMap(({ shape }) => shape));
}

/** Logits of rows in the shape of what they are for. */
function perPosition({ head }: Model, logits: Value, [texts, length]: readonly [number, number]): Value {
  if (head.kind === "outputs" && head.per === "example") return logits;
  return reshape(logits, [texts, length, logits.type.shape[1] ?? 0]);
}

function buildStages(model: Model, batch: GraphBatch) {
  const used = new Map<string, Value>();
  const parameters = new Map<string, Value>();
  const ofBatch = (name: string): Value => {
    const type = batch.get(name)?.type;
    if (type === undefined) throw new Error(`the model uses "${name}", which its batch has not`);
    return once(used, name, () => input(type.dataType, type.shape));
  };
  let hidden: Value | undefined;
  for (const stage of model.stages) hidden = stage.block(contextOf(stage, hidden, ofBatch, parameters));
  if (hidden === undefined) throw new Error("the model has no stages");
  return { output: hidden, batch: used, parameters };
}

function contextOf(
  stage: Stage,
  hidden: Value | undefined,
  ofBatch: (name: string) => Value,
  parameters: Map<string, Value>,
): StageContext {
  const parameter = (local: string): Value => {
    const specification = stage.parameters[local];
    if (specification === undefined) throw new Error(`${stage.name} uses "${local}", which there is not`);
    return once(parameters, specification.name, () => input("float32", specification.shape));
  };
  return {
    hidden() {
      if (hidden === undefined) throw new Error(`${stage.name} is the first stage`);
      return hidden;
    },
    input: ofBatch,
    parameter,
    rows(table, name) {
      const places = ofBatch(name);
      const count = places.type.shape.reduce((product, size) => product * size, 1);
      return gather(parameter(table), reshape(places, [count]));
    },
    linear(local, x) {
      const bias = `${local}.bias`;
      return linear(x, parameter(`${local}.weight`), bias in stage.parameters ? parameter(bias) : undefined);
    },
    dropout: (x) => x,
    cached: (_name, x) => x,
  };
}

function once(values: Map<string, Value>, name: string, make: () => Value): Value {
  const value = values.get(name) ?? make();
  values.set(name, value);
  return value;
}

type Entry = readonly [name: string, value: Value];

/** The function of those inputs that the outputs need. */
function usedFunction(name: string, inputs: readonly Entry[], outputs: readonly Entry[]): TensorFunction {
  const used = valuesBehind(outputs.map(([, value]) => value));
  const named = (entries: readonly Entry[]): NamedValue[] => entries.map(([each, value]) => ({ name: each, value }));
  return tensorFunction(name, named(inputs.filter(([, value]) => used.has(value))), named(outputs));
}
