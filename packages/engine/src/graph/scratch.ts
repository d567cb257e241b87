import { nodesInOrder, type TensorFunction } from "./function.js";
import { sizeOf, type TensorType } from "./types.js";
import type { Value } from "./value.js";

/**
 * Bytes of the values that a function has between its inputs and its outputs, where most of them are there at a time: each from
 * the node that makes it to the last one that uses it, nodes one after another. An engine that fuses operations, or computes
 * them in another order, may need more or less.
 */
export function scratchBytes(tensors: TensorFunction): number {
  const nodes = nodesInOrder(tensors);
  const lastUse = new Map<Value, number>();
  for (const [place, node] of nodes.entries()) for (const value of node.inputs) lastUse.set(value, place);
  const given = new Set([...tensors.inputs, ...tensors.outputs].map(({ value }) => value));
  const held = (value: Value) => (given.has(value) ? 0 : bytesOf(value.type));
  let [now, most] = [0, 0];
  for (const [place, node] of nodes.entries()) {
    // A reshaped tensor is the same memory.
    if (node.operation.name === "reshape") {
      const [source, result] = [node.inputs[0], node.outputs[0]];
      if (source !== undefined && result !== undefined) {
        lastUse.set(source, Math.max(lastUse.get(source) ?? place, lastUse.get(result) ?? place));
        given.add(result);
      }
      continue;
    }
    for (const value of node.outputs) now += held(value);
    most = Math.max(most, now);
    for (const value of new Set([...node.inputs, ...node.outputs])) {
      if ((lastUse.get(value) ?? place) === place) now -= held(value);
    }
  }
  return most;
}

function bytesOf({ dataType, shape }: TensorType): number {
  return sizeOf(shape) * (dataType === "bool" ? 1 : 4);
}
