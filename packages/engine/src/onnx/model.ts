import type { NamedValue, TensorFunction } from "../graph/function.js";
import { OnnxEmitter } from "./emitter.js";
import { encodeGraph, encodeModelAround, encodeTensorBefore, type OnnxValue } from "./encode.js";
import { joinBytes } from "./join-bytes.js";
import { lowerFunction, nameOutputs } from "./lower.js";

/** The ONNX model of a function, as bytes; inputs and outputs keep their names. */
export function toOnnx(tensors: TensorFunction): Uint8Array {
  const emitter = new OnnxEmitter();
  const results = lowerFunction(tensors, emitter);
  const nodes = nameOutputs(
    emitter.nodes,
    tensors.outputs.map(({ name }) => name),
    results,
  );
  const graph = encodeGraph(tensors.name, nodes, tensors.inputs.map(asOnnxValue), tensors.outputs.map(asOnnxValue));
  const constants = emitter.constants.flatMap(({ bytes, ...type }) => [encodeTensorBefore(type, bytes.length), bytes]);
  const inner = joinBytes([graph.nodes, ...constants, graph.values]);
  const { before, after } = encodeModelAround(inner.length);
  return joinBytes([before, inner, after]);
}

function asOnnxValue({ name, value: { type } }: NamedValue): OnnxValue {
  return { name, elementType: type.dataType, shape: type.shape };
}
