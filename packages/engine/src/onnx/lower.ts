import { nodesInOrder, type TensorFunction } from "../graph/function.js";
import type { Value } from "../graph/value.js";
import type { OnnxEmitter } from "./emitter.js";
import type { OnnxNode } from "./encode.js";

/**
 * Emits all that a function computes; returns the names of its results. `given` are the names of its inputs.
 */
export function lowerFunction(
  tensors: TensorFunction,
  emitter: OnnxEmitter,
  given: (name: string) => string = (name) => name,
): string[] {
  const names = new Map<Value, string>(tensors.inputs.map(({ name, value }) => [value, given(name)]));
  for (const node of nodesInOrder(tensors)) {
    const inputs = node.inputs.map((value) => nameOf(names, value));
    node.operation.lower(emitter, inputs, node).forEach((name, index) => {
      const value = node.outputs[index];
      if (value !== undefined && !names.has(value)) names.set(value, name);
    });
  }
  return tensors.outputs.map(({ value }) => nameOf(names, value));
}

function nameOf(names: ReadonlyMap<Value, string>, value: Value): string {
  const name = names.get(value);
  if (name === undefined) throw new Error(`${value.node.operation.name} was used before it was computed`);
  return name;
}

/**
 * The nodes with their results under the names of outputs. `results` says which computed tensor each output is; a tensor that
 * is an input, or an output already, is copied.
 */
export function nameOutputs(
  nodes: readonly OnnxNode[],
  outputs: readonly string[],
  results: readonly string[],
): OnnxNode[] {
  const renamed = new Map<string, string>();
  const copies: OnnxNode[] = [];
  const computed = new Set(nodes.flatMap((node) => node.outputs));
  outputs.forEach((output, index) => {
    const result = results[index] ?? output;
    if (computed.has(result) && !renamed.has(result)) renamed.set(result, output);
    else copies.push({ operator: "Identity", inputs: [result], outputs: [output], attributes: {}, domain: undefined });
  });
  const rename = (tensor: string) => renamed.get(tensor) ?? tensor;
  return [...nodes, ...copies].map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: copies.includes(node) ? node.outputs : node.outputs.map(rename),
  }));
}
