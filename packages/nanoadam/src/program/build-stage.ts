/** A stage of a model as a function for the types of one batch: what it is given, and what it hands out. */

import {
  concatenate,
  dropout,
  input,
  linear,
  type NamedValue,
  sizeOf,
  type TensorFunction,
  type TensorType,
  tensorFunction,
  type Value,
  valuesBehind,
} from "@nanoadam/engine";
import { type BatchType, cachedPlaces } from "../data/batch.js";
import { adaptedLinear, adapterNames } from "../models/lora.js";
import type { Model, Stage, StageContext } from "../models/model.js";
import type { LogitColumns, Task } from "../tasks/task.js";
import { shapeOfColumns } from "./column-pieces.js";
import { pieceTensors } from "./vocabulary-loss.js";

/** What stages are built for. */
export interface StageOptions {
  readonly model: Model;
  /** What is minimised, summed over the rows of the logits; absent for prediction. */
  readonly loss?: Task["loss"];
  readonly batch: BatchType;
  /** Absent for evaluation and prediction: no dropout. */
  readonly training?: {
    /** Replaces every dropout rate of the model. */
    readonly dropout: number | undefined;
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
export interface StageFunction {
  readonly tensors: TensorFunction;
  readonly inputs: ReadonlyMap<string, StageInput>;
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

/** Builds the function of a stage, the last one with the loss on top unless it gives some columns only. */
export function buildStage(
  { model, loss, batch, training }: StageOptions,
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
