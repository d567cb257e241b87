/** A batch is named tensors, under the names that Hugging Face's models give their arguments. */
import type { TensorData, TensorType } from "@nanoadam/engine";

/** A tensor in the host's memory, row-major. */
export interface HostTensor {
  readonly type: TensorType;
  readonly data: TensorData;
}

/** What a program takes in, by the names that the model and the loss know. */
export interface Batch {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** What the summed loss is divided by: examples, class weights, or tokens. It adds up over batches. */
  readonly weight: number;
}

/** The types of a batch's tensors: what a program is compiled for. */
export type BatchType = ReadonlyMap<string, TensorType>;

export function batchType({ tensors }: Batch): BatchType {
  return new Map([...tensors].map(([name, { type }]) => [name, type]));
}

/**
 * Places for earlier tokens whose keys and values are cached: as many as `attention_mask` [texts, keys], which has them in front,
 * is longer than `input_ids` [texts, tokens].
 */
export function cachedPlaces(batch: BatchType): number {
  return (batch.get("attention_mask")?.shape[1] ?? 0) - (batch.get("input_ids")?.shape[1] ?? 0);
}

/** The batch with further tensors. */
export function extendBatch(batch: Batch, tensors: Iterable<readonly [string, HostTensor]>): Batch {
  return { ...batch, tensors: new Map([...batch.tensors, ...tensors]) };
}

/**
 * The tensor of a name.
 * @throws Error where the batch has none, which is a fault of the program.
 */
export function tensorOf({ tensors }: Batch, name: string): HostTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`the batch has no "${name}", only ${[...tensors.keys()].join(", ")}`);
  return tensor;
}

export function int32Tensor(data: Int32Array, shape: readonly number[]): HostTensor {
  return { type: { dataType: "int32", shape }, data };
}

export function float32Tensor(data: Float32Array, shape: readonly number[]): HostTensor {
  return { type: { dataType: "float32", shape }, data };
}
