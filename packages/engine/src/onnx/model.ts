import { nodesInOrder, type TensorFunction } from "../graph/function.js";
import type { Value } from "../graph/value.js";
import { OnnxEmitter } from "./emitter.js";

/** The ONNX model of a function, as bytes; inputs and outputs keep their names. */
export function toOnnx(tensors: TensorFunction): Uint8Array {
  const emitter = new OnnxEmitter();
  const names = new Map<Value, string>();
  for (const { name, value } of tensors.inputs) names.set(value, name);
  for (const node of nodesInOrder(tensors)) {
    const inputs = node.inputs.map((value) => nameOf(names, value));
    node.operation.lower(emitter, inputs, node).forEach((name, index) => {
      const value = node.outputs[index];
      if (value !== undefined && !names.has(value)) names.set(value, name);
    });
  }
  const results = tensors.outputs.map(({ value }) => nameOf(names, value));
  const typed = ({ name, value }: { name: string; value: Value }) => ({ name, type: value.type });
  return emitter.model(tensors.name, tensors.inputs.map(typed), tensors.outputs.map(typed), results);
}

function nameOf(names: ReadonlyMap<Value, string>, value: Value): string {
  const name = names.get(value);
  if (name === undefined) throw new Error(`${value.node.operation.name} was used before it was computed`);
  return name;
}
