import type { TensorFunction } from "../graph/function.js";
import type { TensorType } from "../graph/types.js";

/** Entries of a tensor in row-major order: float32, int32, or bool as bytes. */
export type TensorData = Float32Array | Int32Array | Uint8Array;

/** Tensors by the names that a function gives its inputs and outputs. */
export type Bindings = ReadonlyMap<string, TensorData>;

/** A function made ready to run on one engine. */
export interface CompiledFunction {
  readonly tensors: TensorFunction;
  /**
   * Ties every input and output to memory once; each call of the result reads the current inputs and writes the
   * outputs to their memory.
   * @throws Error when a tensor is missing, or its length or type is not the function's.
   */
  bind(bindings: Bindings): () => Promise<void>;
  /** Frees what the engine holds. */
  release(): Promise<void>;
}

/** An engine that runs functions. */
export interface Runtime {
  /** The package that computes, such as `onnxruntime-node`. */
  readonly name: string;
  readonly version: string;
  /** Where it is not the engine that one would expect: one sentence for the user on why, and what is lost. */
  readonly notice?: string;
  compile(tensors: TensorFunction): Promise<CompiledFunction>;
}

export function bytesPerEntry({ dataType }: TensorType): number {
  return dataType === "bool" ? 1 : 4;
}
