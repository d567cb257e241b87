/** A model as one function of texts or images, for batches of any size: the form in which other programs take it. */
import {
  concatenate,
  type DynamicSize,
  gather,
  indices,
  input,
  linear,
  type NamedValue,
  reshape,
  standInSizes,
  standInSum,
  type TensorFunction,
  tensorFunction,
  type Value,
  valuesBehind,
} from "@nanoadam/engine";
import { InputError } from "../errors.js";
import { type GraphBatch, sizesOf, withValues } from "../models/graph-batch.js";
import type { Model, Stage, StageContext } from "../models/model.js";

export interface WholeModel {
  /** From the batch's tensors and the parameters, by their checkpoint names, to `logits`, and of decoders to `present.`. */
  readonly tensors: TensorFunction;
  /** From `input_ids`, `attention_mask` and `token_type_ids` or `position_ids` to what the batch has beside them; absent for images. */
  readonly prepare?: TensorFunction;
  /** Parameters and buffers. */
  readonly parameters: ReadonlySet<string>;
  /** Results that are inputs of the next run, and those inputs. */
  readonly carried: ReadonlySet<string>;
  /** The sizes that differ from batch to batch. */
  readonly sizes: readonly DynamicSize[];
}

/** Sizes of a batch: `keys` are the tokens of a text, of which the `length` last ones are new. */
interface BatchSizes {
  readonly texts: number;
  readonly length: number;
  readonly past: number;
  readonly keys: number;
}

export interface WholeModelOptions {
  /** Of the images that a model of images takes in; by default those of its configuration. */
  readonly imageSize?: readonly [height: number, width: number] | undefined;
  /** Makes the function for other numbers in the place of the sizes that differ; what is written of it is the same. */
  readonly skip?: number;
}

/**
 * A model that predicts the next token goes on from keys and values of earlier tokens: it takes in `past_key_values.N.key` and `.value`
 * [texts, heads, past, size] of each layer, and gives `present.N.key` and `.value`, which have those of the new tokens behind them.
 * A model of images takes in `pixel_values` [images, channels, height, width], and judges as it does in evaluation.
 * @throws InputError for an architecture whose batches cannot be computed in a graph
 */
export function wholeModel(model: Model, { imageSize, skip = 0 }: WholeModelOptions = {}): WholeModel {
  const { input: taken } = model.backbone;
  if (taken.kind === "text") return wholeTextModel(model, skip);
  const [height, width] = imageSize ?? [taken.height, taken.width];
  const [images = 1] = standInSizes(1, [...numbersOf(model), taken.channels, height, width], skip);
  const pixels = input("float32", [images, taken.channels, height, width]);
  const built = buildStages(model, new Map([["pixel_values", pixels]]), undefined);
  return {
    tensors: usedFunction("model", [...built.batch, ...built.parameters], [["logits", built.output]]),
    parameters: new Set(built.parameters.keys()),
    carried: new Set(),
    sizes: [{ name: "batch_size", size: images, input: "pixel_values", axis: 0 }],
  };
}

function wholeTextModel(model: Model, skip: number): WholeModel {
  const { backbone } = model;
  if (backbone.extendGraph === undefined) throw new InputError(`a ${model.architecture} cannot be exported to ONNX`);
  const isDecoding = model.head.kind === "language-model" && model.head.predicts === "next";
  const sizes = standIns(model, skip, isDecoding);
  const { texts, length, keys } = sizes;
  const tokens = () => input("int32", [texts, length]);
  const given: GraphBatch = new Map([
    ["input_ids", tokens()],
    ["attention_mask", input("int32", [texts, keys])],
    isDecoding ? ["position_ids", tokens()] : ["token_type_ids", tokens()],
  ]);
  const batch = withValues(backbone.extendGraph(given), { predicted_positions: indices(texts * length) });
  const built = buildStages(model, batch, isDecoding ? sizes.past : undefined);
  const prepared = [...batch].filter(([name, value]) => given.get(name) !== value && built.batch.has(name));
  const logits = perPosition(model, built.output, sizesOf(batch));
  return {
    tensors: usedFunction(
      "model",
      [...built.batch, ...built.past, ...built.parameters],
      [["logits", logits], ...built.present],
    ),
    prepare: usedFunction("batch", [...given], prepared),
    parameters: new Set(built.parameters.keys()),
    carried: new Set([...built.past.keys(), ...built.present.keys()]),
    sizes: [
      { name: "batch_size", size: texts, input: "input_ids", axis: 0 },
      { name: "sequence_length", size: length, input: "input_ids", axis: 1 },
      ...(isDecoding
        ? [
            { name: "past_sequence_length", size: sizes.past, input: "past_key_values.0.key", axis: 2 },
            { name: "total_sequence_length", size: keys, input: "attention_mask", axis: 1 },
          ]
        : []),
    ],
  };
}

function standIns(model: Model, skip: number, isDecoding: boolean): BatchSizes {
  const known = numbersOf(model);
  const [texts = 1, alone = 1] = standInSizes(2, known, skip);
  if (!isDecoding) return { texts, length: alone, past: 0, keys: alone };
  const [length, past, keys] = standInSum([...known, texts], skip);
  return { texts, length, past, keys };
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

/** @param past how many tokens came before, of which keys and values are taken in; without it there are none */
function buildStages(model: Model, batch: GraphBatch, past: number | undefined) {
  const used = new Map<string, Value>();
  const [pasts, present] = [new Map<string, Value>(), new Map<string, Value>()];
  const layers: string[] = [];
  const parameters = new Map<string, Value>();
  const ofBatch = (name: string): Value => {
    const type = batch.get(name)?.type;
    if (type === undefined) throw new Error(`the model uses "${name}", which its batch has not`);
    return once(used, name, () => input(type.dataType, type.shape));
  };
  const cachedIn = (stage: Stage) => (name: string, x: Value) => {
    if (past === undefined) return x;
    if (layers.at(-1) !== stage.name) layers.push(stage.name);
    const place = `${layers.length - 1}.${name}`;
    const before = input(
      "float32",
      x.type.shape.map((size, axis) => (axis === 2 ? past : size)),
    );
    pasts.set(`past_key_values.${place}`, before);
    const all = concatenate([before, x], 2);
    present.set(`present.${place}`, all);
    return all;
  };
  let hidden: Value | undefined;
  for (const stage of model.stages) {
    hidden = stage.block(contextOf(stage, hidden, { ofBatch, parameters, cached: cachedIn(stage) }));
  }
  if (hidden === undefined) throw new Error("the model has no stages");
  return { output: hidden, batch: used, past: pasts, present, parameters };
}

interface Built extends Pick<StageContext, "cached"> {
  ofBatch(name: string): Value;
  readonly parameters: Map<string, Value>;
}

function contextOf(stage: Stage, hidden: Value | undefined, { ofBatch, parameters, cached }: Built): StageContext {
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
    mode: "evaluate",
    buffer(local) {
      const specification = stage.buffers?.[local];
      if (specification === undefined) throw new Error(`${stage.name} uses "${local}", which there is not`);
      return once(parameters, specification.name, () => input("float32", specification.shape));
    },
    update() {},
    cached,
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
