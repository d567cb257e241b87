/**
 * Convolution of images, laid out [images, channels, height, width]. The gradient of a weight [outputs, inputs, kernel height,
 * kernel width] is that of a linear layer over what the windows see, so it is handed out as a product; formed whole it is a
 * product of matrices for each place of the kernel.
 */
import { reduceSum } from "./broadcast.js";
import { matmul } from "./matmul.js";
import { reshape, transpose } from "./shape.js";
import { concatenate, pad, slice } from "./slice.js";
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
        dense(inputGradient(gradient, kernel, x.type.shape, windows, groups)),
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

/**
 * The gradient of an image of this shape. Where windows lie side by side it is a convolution again, with the kernel turned, which ONNX Runtime
 * does faster than its transposed one; unless the kernel is so large beside the image that turning it takes longer than that saves.
 */
function inputGradient(gradient: Value, weight: Value, shape: Shape, windows: Windows, groups: number): Value {
  const { kernel, stride, padding, dilation } = windows;
  const [outputs = 0, inputs = 0] = weight.type.shape;
  const [images = 0] = shape;
  const around = (axis: 0 | 1) => dilation[axis] * (kernel[axis] - 1) - padding[axis];
  const isPoint = kernel.every((size) => size === 1);
  const isSmall = isPoint || outputs / groups < images * windows.output[0] * windows.output[1];
  if (stride.some((step) => step !== 1) || around(0) < 0 || around(1) < 0 || !isSmall) {
    return transposedConvolution(gradient, weight, shape, windows, groups);
  }
  const ofGroups = transpose(reshape(weight, [groups, outputs / groups, inputs, ...kernel]), [0, 2, 1, 3, 4]);
  const exchanged = reshape(ofGroups, [groups * inputs, outputs / groups, ...kernel]);
  return convolution(gradient, isPoint ? exchanged : turned(exchanged), undefined, {
    padding: [around(0), around(1)],
    dilation,
    groups,
  });
}

/** A kernel [outputs, inputs, height, width] upside down and from right to left. */
function turned(kernel: Value): Value {
  const operation: Operation = {
    name: "turned",
    lower(emitter, inputs) {
      const each = (value: number) => emitter.integers([value, value]);
      const beforeFirst = Number.MIN_SAFE_INTEGER;
      return [emitter.emit("Slice", [...inputs, each(-1), each(beforeFirst), emitter.integers([2, 3]), each(-1)])];
    },
  };
  return applySingle(operation, [kernel], kernel.type);
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
  if (groups > 1) return dense(convolvedWeightGradient(gradient, x, shape, windows, groups));
  const whole = () =>
    (shape[1] ?? 0) < windows.kernel[0] * windows.kernel[1]
      ? convolvedWeightGradient(gradient, x, shape, windows, 1)
      : placewiseWeightGradient(gradient, x, shape, windows);
  return { kind: "product", left: gradient, right: x, windows, whole };
}

/** For each place of the kernel a product of two matrices: the output's gradient, and what the windows see there. */
function placewiseWeightGradient(gradient: Value, x: Value, shape: Shape, windows: Windows): Value {
  const { kernel, stride, padding, dilation, output } = windows;
  const [images = 0, outputs = 0] = gradient.type.shape;
  const [, inputs = 0] = x.type.shape;
  const pixels = output[0] * output[1];
  const padded = pad(pad(x, 2, padding[0], padding[0]), 3, padding[1], padding[1]);
  // All images in one product, for which they and channels change places; or a product for each, whose results are added.
  const isJoint = kernel[0] * kernel[1] > 1 || outputs * inputs > pixels * (outputs + inputs);
  const laidOut = (value: Value) => (isJoint ? transpose(value, [1, 0, 2, 3]) : value);
  const matrix = (value: Value, rows: number) =>
    reshape(value, isJoint ? [rows, images * pixels] : [images, rows, pixels]);
  const [left, right] = [matrix(laidOut(gradient), outputs), laidOut(padded)];
  const along = (value: Value, axis: 0 | 1, place: number) => {
    const first = place * dilation[axis];
    return slice(value, 2 + axis, first, first + (output[axis] - 1) * stride[axis] + 1, stride[axis]);
  };
  const places = Array.from({ length: kernel[0] * kernel[1] }, (_, place) => {
    const seen = along(along(right, 0, Math.floor(place / kernel[1])), 1, place % kernel[1]);
    const product = matmul(left, matrix(seen, inputs), { transposeB: true });
    return reshape(isJoint ? product : reduceSum(product, [0]), [outputs, inputs, 1]);
  });
  return reshape(concatenate(places, 2), shape);
}

/**
 * The image's convolution with the output's gradient as the kernel. Images and channels change places, so do stride and
 * dilation; what a stride leaves over at the end gives further entries, which are cut off.
 */
function convolvedWeightGradient(gradient: Value, x: Value, shape: Shape, windows: Windows, groups: number): Value {
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
