/**
 * A function is built as a graph of values. A value is one output of a node; a node is an operation applied to values.
 * Nodes are never changed once made, so graphs share parts freely: the backward function of a graph simply refers to
 * the forward values it needs, and what it refers to becomes a residual.
 */
import type { Emitter } from "./lowering.js";
import type { TensorType } from "./types.js";
import type { Windows } from "./windows.js";

export interface Value {
  readonly node: Node;
  readonly index: number;
  readonly type: TensorType;
}

export interface Node {
  readonly operation: Operation;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** One operation with its attributes bound: its form in ONNX and its derivative. */
export interface Operation {
  readonly name: string;
  /**
   * For operations so cheap that the backward function computes them again rather than keep their result as a residual:
   * "view" for those that move entries or make them from nothing, "entrywise" for those that compute each entry from one of
   * the operand's, which then is the residual. A view that is a factor of a product gradient is kept all the same, since the
   * receiver needs it in memory.
   */
  readonly recompute?: "view" | "entrywise";
  /** Adds the ONNX nodes that compute `node`'s outputs; returns their names in order. */
  lower(emitter: Emitter, inputs: readonly string[], node: Node): readonly string[];
  /**
   * The contributions to the gradients of the inputs, given those of the outputs (undefined where an output does not
   * reach the loss). Entries of the result are undefined for inputs that have no gradient, integers for instance.
   */
  derivative?(node: Node, gradients: readonly (Value | undefined)[]): readonly (Cotangent | undefined)[];
}

/**
 * A contribution to the gradient of a value. It is not always worth forming whole: a weight used as `linear(x, W)` has
 * the gradient dy^T x, and whoever needs a few of its entries is better served by the two factors. So a contribution keeps
 * its structure until someone asks for the whole.
 */
export type Cotangent = DenseCotangent | ProductCotangent;

/** The contribution itself, in the shape of the value that it belongs to. */
export interface DenseCotangent {
  readonly kind: "dense";
  readonly value: Value;
}

/** The contribution left^T right, left [n, rows] and right [n, columns], to a value [rows, columns]. */
export interface ProductCotangent {
  readonly kind: "product";
  readonly left: Value;
  readonly right: Value;
  /**
   * Where it is there, the factors are images: left [images, rows, height, width], whose pixels are the n; and right [images, channels,
   * height, width], whose columns are what the windows see, one for each channel and place of the window. They are never formed.
   */
  readonly windows?: Windows;
  /** The contribution itself, where there is a better way to it than the product. */
  readonly whole?: () => Value;
}

export function dense(value: Value): DenseCotangent {
  return { kind: "dense", value };
}

/** Applies an operation; yields one value per output type. */
export function applyOperation(operation: Operation, inputs: readonly Value[], types: readonly TensorType[]): Value[] {
  const outputs: Value[] = [];
  const node: Node = { operation, inputs, outputs };
  types.forEach((type, index) => {
    outputs.push({ node, index, type });
  });
  return outputs;
}

/** Applies an operation of one output. */
export function applySingle(operation: Operation, inputs: readonly Value[], type: TensorType): Value {
  const [output] = applyOperation(operation, inputs, [type]);
  if (output === undefined) throw new Error(`${operation.name} yields no output`);
  return output;
}

/** The n-th input of a node that is known to have it. */
export function inputOf(node: Node, index: number): Value {
  const value = node.inputs[index];
  if (value === undefined) throw new Error(`${node.operation.name} has no input ${index}`);
  return value;
}

/** The n-th output of a node that is known to have it. */
export function outputOf(node: Node, index: number): Value {
  const value = node.outputs[index];
  if (value === undefined) throw new Error(`${node.operation.name} has no output ${index}`);
  return value;
}
