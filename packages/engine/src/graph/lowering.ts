/**
 * The language in which an operation says how it is computed: ONNX operators applied to named tensors, and constants. A back
 * end implements {@link Emitter}; operations know nothing else of it.
 */
import type { DataType, Shape } from "./types.js";

/** The domain of ONNX Runtime's own operators. */
export const contributedDomain = "com.microsoft";

/** ONNX's numbers for element types. */
export const elementTypes = { float32: 1, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const satisfies Record<
  DataType | "int8" | "int64" | "float16",
  number
>;

/** An attribute's kind follows from its form: `{ float }`, `{ int }`, `{ string }` or `{ ints }`. */
export type Attribute =
  | { readonly float: number }
  | { readonly int: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] };

export interface EmitOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** How many outputs a node has; 1 by default. */
  readonly outputs?: number;
  /** The domain of the operator; ONNX's own by default. */
  readonly domain?: string;
}

/** Takes the nodes and constants of a function, in the order of evaluation; tensors are known by their names. */
export interface Emitter {
  /** Whether ONNX Runtime's own operators may be used; else those of ONNX alone. */
  readonly contributed: boolean;
  /** Adds a node; returns the name of its first output. */
  emit(operator: string, inputs: readonly string[], options?: EmitOptions): string;
  /** Adds a node of `options.outputs` outputs; returns their names. */
  emitSeveral(operator: string, inputs: readonly string[], options?: EmitOptions): string[];
  /** A constant of floats: a number gives a scalar, a list without a shape a vector. */
  floats(values: number | readonly number[], shape?: Shape): string;
  /** A constant vector of 64-bit integers, as shapes and axes are given to ONNX operators. */
  integers(values: readonly number[]): string;
  /**
   * Computes in float32 what has no room in a narrower precision, squares for instance: `compute` is given the tensors as float32, and
   * its result becomes what they were.
   */
  widely(tensors: readonly string[], compute: (wide: readonly string[]) => string): string;
}
