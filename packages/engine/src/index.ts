export {
  type Derivative,
  type DeriveOptions,
  derive,
  type GradientPart,
  type GradientStructure,
  type ImageFactors,
} from "./derive/reverse.js";
export { type BatchNormalised, batchNorm, fixedBatchNorm } from "./graph/batch-normalization.js";
export { broadcastTo, reduceSum } from "./graph/broadcast.js";
export { toFloat32 } from "./graph/cast.js";
export { constant } from "./graph/constant.js";
export { type ConvolutionOptions, convolution } from "./graph/convolution.js";
export { type DynamicSize, standInSizes, standInSum } from "./graph/dynamic-sizes.js";
export * from "./graph/elementwise.js";
export {
  input,
  isInput,
  type NamedValue,
  nodesInOrder,
  type TensorFunction,
  tensorFunction,
  valuesBehind,
} from "./graph/function.js";
export { gather, oneHot, takeAlongLast, takeAlongRows } from "./graph/gather.js";
export { linear, type MatmulOptions, matmul } from "./graph/matmul.js";
export { constantRowNorms, layerNorm, rmsNorm } from "./graph/normalization.js";
export { averagePool, maxPool, type PoolingOptions } from "./graph/pooling.js";
export { cumulativeSum, indices, toInt32 } from "./graph/positions.js";
export { rotary } from "./graph/rotary.js";
export { scratchBytes } from "./graph/scratch.js";
export { reshape, transpose } from "./graph/shape.js";
export { concatenate, pad, slice, takeIndex } from "./graph/slice.js";
export { logSoftmax, logSumExp, softmax } from "./graph/softmax.js";
export {
  type DataType,
  dimension,
  formatShape,
  type Shape,
  ShapeError,
  sizeOf,
  type TensorType,
} from "./graph/types.js";
export type { Value } from "./graph/value.js";
export type { AxisPair, WindowOptions, Windows } from "./graph/windows.js";
export {
  fillDropoutMask,
  fillNormal,
  fillUniform,
  normal,
  type RandomKey,
  randomBits,
  uniform,
} from "./kernels/random.js";
export { type ChunkedEntries, SampledProduct } from "./kernels/sampled-product.js";
export type { OnnxPrecision, StoredParameter } from "./onnx/export-emitter.js";
export { toOnnx } from "./onnx/model.js";
export { type FilePart, lengthOf, type OnnxFile, type OnnxFileOptions, onnxFile } from "./onnx/onnx-file.js";
export { Arena, ArenaLayout, type ArenaSlot } from "./runtime/arena.js";
export type { Bindings, CompiledFunction, Runtime, TensorData } from "./runtime/runtime.js";
