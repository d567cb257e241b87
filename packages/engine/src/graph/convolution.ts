/**
 * Convolution of images, laid out [images, channels, height, width]. The gradient of a weight [outputs, inputs, kernel height,
 * kernel width] is that of a linear layer over what the windows see, so it is handed out as a product; formed whole it is a
 * convolution again.
 */
import { reduceSum } from "./broadcast.js";
import { matmul } from "./matmul.js";
import { reshape, transpose } from "./shape.js";
import { slice } from "./slice.js";
import { formatShape, type Shape, ShapeError, sameShape, tensorType } from "./types.js";
import { applySingle, type Cotangent, dense, inputOf, type Operation, type Value } from "./value.js";
import { type AxisPair, restOf, type WindowOptions, type Windows, windowAttributes, windowsOver } from "./windows.js";

export interface ConvolutionOptions extends WindowOptions {
  /** From a place of the kernel to the next; 1 unless given. */
  readonly dilation?: number | AxisPair;
  /** Inputs and outputs fall into so many groups, and an output sees the inputs of its own; 1 unless given. */
  readonly groups?: number;
}

/**
 * The convolution (cross-correlation) of x [images, inputs, height, width] with a weight [outputs, inputs / groups, kernel
 * height, kernel width], plus a bias [outputs]: PyTorch's `conv2d`. What is added around images is zeros.
 * @throws ShapeError where shapes do not fit, or the kernel is larger than the padded image.
 */
export function convolution(x: Value, weight: Value, bias: Value | undefined, options: ConvolutionOptions = {}): Value {
  const { groups = 1 } = options;
  const [images = 0, inputs = 0] = x.type.shape;
  const [outputs = 0, inputsOfGroup = 0, height = 0, width = 0] = weight.type.shape;
  const fail = (what: string) =>
    new ShapeError(
      `convolution: ${what} (x ${formatShape(x.type.shape)}, weight ${formatShape(weight.type.shape)}, groups ${groups})`,
    );
  if (x.type.shape.length !== 4 || weight.type.shape.length !== 4) throw fail("x and the weight need four axes");
  if (!Number.isSafeInteger(groups) || groups < 1 || inputs !== inputsOfGroup * groups || outputs % groups !== 0) {
    throw fail("the channels do not fit");
  }
  if (bias !== undefined && !sameShape(bias.type.shape, [outputs])) {
    throw fail(`the bias ${formatShape(bias.type.shape)} does not fit`);
  }
  const windows = windowsOver("convolution", x.type.shape, [height, width], options);
  const operation: Operation = {
    name: "convolution",
    lower: (emitter, given) => [
      emitter.emit("Conv", given, { attributes: { ...windowAttributes(windows), group: { int: groups } } }),
    ],
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const [image, kernel] = [inputOf(node, 0), inputOf(node, 1)];
      return [
        dense(transposedConvolution(gradient, kernel, x.type.shape, windows, groups)),
        weightGradient(gradient, image, weight.type.shape, windows, groups),
        ...(bias === undefined ? [] : [dense(reshape(reduceSum(gradient, [0, 2, 3]), [outputs]))]),
      ];
    },
  };
  return applySingle(
    operation,
    bias === undefined ? [x, weight] : [x, weight, bias],
    tensorType("float32", [images, outputs, ...windows.output]),
  );
}

/** What a convolution of an image of this shape does, the other way: each window's value, times the kernel, to its pixels. */
export function transposedConvolution(x: Value, weight: Value, shape: Shape, windows: Windows, groups: number): Value {
  const operation: Operation = {
    name: "transposedConvolution",
    lower: (emitter, given) => [
      emitter.emit("ConvTranspose", given, {
        attributes: {
          ...windowAttributes(windows),
          group: { int: groups },
          output_padding: { ints: restOf(windows) },
        },
      }),
    ],
  };
  return applySingle(operation, [x, weight], tensorType("float32", shape));
}

function weightGradient(gradient: Value, x: Value, shape: Shape, windows: Windows, groups: number): Cotangent {
  const isProduct = groups === 1;
  const isPointwise = windows.kernel.every((size) => size === 1) && windows.padding.every((size) => size === 0);
  const whole = () =>
    isProduct && isPointwise
      ? pointwiseWeightGradient(gradient, x, shape, windows)
      : wholeWeightGradient(gradient, x, shape, windows, groups);
  return isProduct ? { kind: "product", left: gradient, right: x, windows, whole } : dense(whole());
}

/** Of a kernel of one pixel: a product of two matrices for each image, summed over images. */
function pointwiseWeightGradient(gradient: Value, x: Value, shape: Shape, { stride, output }: Windows): Value {
  const [images = 0, inputs = 0] = x.type.shape;
  const outputs = gradient.type.shape[1] ?? 0;
  const pixels = output[0] * output[1];
  const every = (value: Value, axis: 0 | 1) =>
    slice(value, 2 + axis, 0, (output[axis] - 1) * stride[axis] + 1, stride[axis]);
  const seen = reshape(every(every(x, 0), 1), [images, inputs, pixels]);
  const products = matmul(reshape(gradient, [images, outputs, pixels]), seen, { transposeB: true });
  return reshape(reduceSum(products, [0]), shape);
}

/**
 * The image's convolution with the output's gradient as the kernel. Images and channels change places, so do stride and
 * dilation; what a stride leaves over at the end gives further entries, which are cut off.
 */
function wholeWeightGradient(gradient: Value, x: Value, shape: Shape, windows: Windows, groups: number): Value {
  const { kernel, stride, padding, dilation, size, output } = windows;
  const [images = 0, inputs = 0] = x.type.shape;
  const [outputs = 0, inputsOfGroup = 0] = shape;
  const grouped = reshape(x, [images, groups, inputs / groups, ...size]);
  const image = reshape(transpose(grouped, [2, 1, 0, 3, 4]), [inputsOfGroup, groups * images, ...size]);
  const swapped = windowsOver("convolution", image.type.shape, output, { stride: dilation, padding, dilation: stride });
  const operation: Operation = {
    name: "weightGradient",
    lower: (emitter, given) => [
      emitter.emit("Conv", given, { attributes: { ...windowAttributes(swapped), group: { int: groups } } }),
    ],
  };
  const entries = applySingle(
    operation,
    [image, transpose(gradient, [1, 0, 2, 3])],
    tensorType("float32", [inputsOfGroup, outputs, ...swapped.output]),
  );
  return transpose(slice(slice(entries, 2, 0, kernel[0]), 3, 0, kernel[1]), [1, 0, 2, 3]);
}
