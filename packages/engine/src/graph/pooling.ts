/** The largest or the mean of what windows over images [images, channels, height, width] see. */

import { constant } from "./constant.js";
import { transposedConvolution } from "./convolution.js";
import { elementTypes } from "./lowering.js";
import { reshape } from "./shape.js";
import { type Shape, ShapeError, sizeOf, tensorType } from "./types.js";
import { applyOperation, applySingle, dense, type Operation, outputOf, type Value } from "./value.js";
import { type AxisPair, type WindowOptions, windowAttributes, windowsOver } from "./windows.js";

export interface PoolingOptions extends WindowOptions {
  /** The windows' size, one number or [height, width]. */
  readonly kernel: number | AxisPair;
}

/**
 * The largest pixel of each window, channel by channel: PyTorch's `max_pool2d`. Padding is never the largest; the gradient goes to
 * the first of equals.
 * @throws ShapeError where windows do not fit, or could lie in the padding alone.
 */
export function maxPool(x: Value, { kernel, ...options }: PoolingOptions): Value {
  const { windows, shape } = poolingOf("maxPool", x, kernel, options);
  const operation: Operation = {
    name: "maxPool",
    lower(emitter, inputs) {
      const [largest = "", places = ""] = emitter.emitSeveral("MaxPool", inputs, {
        outputs: 2,
        attributes: windowAttributes(windows),
      });
      return [largest, emitter.emit("Cast", [places], { attributes: { to: { int: elementTypes.int32 } } })];
    },
    derivative: (node, [gradient]) =>
      gradient === undefined ? [] : [dense(scatterSum(gradient, outputOf(node, 1), x.type.shape))],
  };
  const [largest] = applyOperation(operation, [x], [tensorType("float32", shape), tensorType("int32", shape)]);
  if (largest === undefined) throw new Error("maxPool yields no output");
  return largest;
}

/** Zeros of a shape, and at each place (counted through the whole tensor) the sum of the values that go there. */
function scatterSum(values: Value, places: Value, shape: Shape): Value {
  const [size, count] = [sizeOf(shape), sizeOf(values.type.shape)];
  const operation: Operation = {
    name: "scatterSum",
    lower(emitter, [from = "", at = ""]) {
      const zeros = emitter.emit("Expand", [emitter.floats(0), emitter.integers([size])]);
      const list = (tensor: string) => emitter.emit("Reshape", [tensor, emitter.integers([count])]);
      const sums = emitter.emit("ScatterElements", [zeros, list(at), list(from)], {
        attributes: { axis: { int: 0 }, reduction: { string: "add" } },
      });
      return [emitter.emit("Reshape", [sums, emitter.integers(shape)])];
    },
  };
  return applySingle(operation, [values, places], tensorType("float32", shape));
}

/**
 * The mean of each window, channel by channel; padding counts as zeros: PyTorch's `avg_pool2d`.
 * @throws ShapeError where windows do not fit, or could lie in the padding alone.
 */
export function averagePool(x: Value, { kernel, ...options }: PoolingOptions): Value {
  const { windows, shape } = poolingOf("averagePool", x, kernel, options);
  const [images = 0, channels = 0] = shape;
  const places = windows.kernel[0] * windows.kernel[1];
  const operation: Operation = {
    name: "averagePool",
    lower: (emitter, inputs) => [
      emitter.emit("AveragePool", inputs, {
        attributes: { ...windowAttributes(windows), count_include_pad: { int: 1 } },
      }),
    ],
    derivative(_node, [gradient]) {
      if (gradient === undefined) return [];
      const alone = reshape(gradient, [images * channels, 1, ...windows.output]);
      const share = constant(new Array<number>(places).fill(1 / places), [1, 1, ...windows.kernel]);
      const spread = transposedConvolution(alone, share, [images * channels, 1, ...windows.size], windows, 1);
      return [dense(reshape(spread, x.type.shape))];
    },
  };
  return applySingle(operation, [x], tensorType("float32", shape));
}

function poolingOf(operation: string, x: Value, kernel: number | AxisPair, options: WindowOptions) {
  const windows = windowsOver(operation, x.type.shape, typeof kernel === "number" ? [kernel, kernel] : kernel, options);
  const isFar = (axis: 0 | 1) => 2 * windows.padding[axis] > windows.kernel[axis];
  if (isFar(0) || isFar(1)) {
    throw new ShapeError(`${operation}: padding ${windows.padding} is more than half of the kernel ${windows.kernel}`);
  }
  const [images = 0, channels = 0] = x.type.shape;
  return { windows, shape: [images, channels, ...windows.output] };
}
