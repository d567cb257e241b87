import type { Tensor } from "onnxruntime-web";
import type { TensorFunction } from "../graph/function.js";
import { type DataType, formatType, sizeOf } from "../graph/types.js";
import type { Bindings } from "./runtime.js";

/** The class of tensors, as each build of ONNX Runtime hands it out. */
export type TensorClass = typeof Tensor;

const arrayTypes = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } satisfies Record<DataType, unknown>;

/**
 * ONNX Runtime's tensors over the memory that a function's inputs or outputs are bound to, by their names.
 * @throws Error when one is missing, or its length or type is not the function's.
 */
export function boundTensors(
  TensorOver: TensorClass,
  { name: functionName }: TensorFunction,
  values: TensorFunction["inputs"],
  bindings: Bindings,
): Record<string, Tensor> {
  return Object.fromEntries(
    values.map(({ name, value: { type } }) => {
      const data = bindings.get(name);
      if (data === undefined) throw new Error(`${functionName}: no memory is bound to "${name}"`);
      if (!(data instanceof arrayTypes[type.dataType]) || data.length !== sizeOf(type.shape)) {
        const found = `${data.constructor.name}(${data.length})`;
        throw new Error(`${functionName}: "${name}" is ${formatType(type)}, but ${found} was bound to it`);
      }
      return [name, new TensorOver(type.dataType, data, type.shape)];
    }),
  );
}
