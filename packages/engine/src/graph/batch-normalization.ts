/** Batch normalisation of images [images, channels, height, width]: each channel over all images and pixels. */
import { reduceSum } from "./broadcast.js";
import { add, multiply, scale, subtract } from "./elementwise.js";
import { contributedDomain, type Emitter } from "./lowering.js";
import { reshape } from "./shape.js";
import { formatShape, type Shape, ShapeError, sameShape, sizeOf, tensorType } from "./types.js";
import {
  applyOperation,
  applySingle,
  type Cotangent,
  dense,
  inputOf,
  type Operation,
  outputOf,
  type Value,
} from "./value.js";

/** All axes but the channels'. */
const pixels = [0, 2, 3];

export interface BatchNormalised {
  readonly output: Value;
  /** Of each channel, [channels]. */
  readonly mean: Value;
  /** Of each channel, the squared deviations over their number, [channels]. */
  readonly variance: Value;
}

/**
 * (x - mean) / sqrt(variance + epsilon) * weight + bias with the mean and variance of x itself, as in training. `weight` and
 * `bias` are [channels].
 * @throws ShapeError where shapes do not fit.
 */
export function batchNorm(x: Value, weight: Value, bias: Value, epsilon: number): BatchNormalised {
  const channels = requireFit("batchNorm", x, [weight, bias]);
  const each: Shape = [1, channels, 1, 1];
  const count = sizeOf(x.type.shape) / channels;
  const operation: Operation = {
    name: "batchNorm",
    lower(emitter, [image = "", ...parameters]) {
      const spread = emitter.emit("ReduceMean", [image, emitter.integers(pixels)]);
      const centred = emitter.emit("Sub", [image, spread]);
      const mean = emitter.emit("Reshape", [spread, emitter.integers([channels])]);
      const variance = lowerDots(emitter, [centred, centred], x.type.shape, "mean");
      const output = emitter.emit("BatchNormalization", [image, ...parameters, mean, variance], {
        attributes: { epsilon: { float: epsilon } },
      });
      return [output, mean, variance];
    },
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const [image, mean] = [inputOf(node, 0), outputOf(node, 1)];
      const inverse = inverseDeviation(outputOf(node, 2), epsilon);
      const sum = reshape(reduceSum(gradient, pixels), [channels]);
      const weightGradient = multiply(dots(gradient, subtract(image, reshape(mean, each))), inverse);
      // weight * inverse * (gradient - sum / n - centred * inverse * weightGradient / n)
      const factor = multiply(inputOf(node, 1), inverse);
      const slope = scale(multiply(factor, multiply(inverse, weightGradient)), -1 / count);
      const offset = scale(multiply(factor, sum), -1 / count);
      const shifted = affine(image, mean, slope, offset);
      return [dense(add(multiply(gradient, reshape(factor, each)), shifted)), dense(weightGradient), dense(sum)];
    },
  };
  const statistic = tensorType("float32", [channels]);
  const [output, mean, variance] = applyOperation(operation, [x, weight, bias], [x.type, statistic, statistic]);
  if (output === undefined || mean === undefined || variance === undefined)
    throw new Error("batchNorm yields too little");
  return { output, mean, variance };
}

/**
 * The same with a given `mean` and `variance`, [channels], as in evaluation. They have no gradient.
 * @throws ShapeError where shapes do not fit.
 */
export function fixedBatchNorm(
  x: Value,
  { weight, bias, mean, variance }: Readonly<Record<"weight" | "bias" | "mean" | "variance", Value>>,
  epsilon: number,
): Value {
  const channels = requireFit("fixedBatchNorm", x, [weight, bias, mean, variance]);
  const each: Shape = [1, channels, 1, 1];
  const operation: Operation = {
    name: "fixedBatchNorm",
    lower: (emitter, inputs) => [
      emitter.emit("BatchNormalization", inputs, { attributes: { epsilon: { float: epsilon } } }),
    ],
    derivative(_node, [gradient]): Cotangent[] {
      if (gradient === undefined) return [];
      const inverse = inverseDeviation(variance, epsilon);
      const sum = reshape(reduceSum(gradient, pixels), [channels]);
      return [
        dense(multiply(gradient, reshape(multiply(weight, inverse), each))),
        dense(multiply(dots(gradient, subtract(x, reshape(mean, each))), inverse)),
        dense(sum),
      ];
    },
  };
  return applySingle(operation, [x, weight, bias, mean, variance], x.type);
}

/** Of each channel the sum of a * b over all images and pixels, [channels]. */
function dots(a: Value, b: Value): Value {
  const operation: Operation = {
    name: "dots",
    lower: (emitter, [left = "", right = ""]) => [lowerDots(emitter, [left, right], a.type.shape, "sum")],
  };
  return applySingle(operation, [a, b], tensorType("float32", [a.type.shape[1] ?? 0]));
}

/** From so many pixels on, a product of a row and a column for each image and channel takes less than multiplying entries and adding them. */
const rowPixels = 256;

function lowerDots(emitter: Emitter, [a, b]: readonly [string, string], shape: Shape, over: "sum" | "mean"): string {
  const [images = 0, channels = 0, height = 0, width = 0] = shape;
  const reduced = (operator: string, tensor: string) =>
    emitter.emit(operator, [tensor, emitter.integers(pixels)], { attributes: { keepdims: { int: 0 } } });
  if (!emitter.contributed || height * width < rowPixels) {
    return reduced(over === "mean" ? "ReduceMean" : "ReduceSum", emitter.emit("Mul", [a, b]));
  }
  const rows = emitter.integers([images, channels, 1, height * width]);
  const [left = "", right = ""] = [a, b].map((factor) => emitter.emit("Reshape", [factor, rows]));
  const share = over === "mean" ? 1 / (images * height * width) : 1;
  const products = emitter.emit("FusedMatMul", [left, right], {
    domain: contributedDomain,
    attributes: { alpha: { float: share }, transA: { int: 0 }, transB: { int: 1 } },
  });
  return reduced("ReduceSum", products);
}

/** (x - mean) * slope + offset, in one pass over x; the others are [channels]. */
function affine(x: Value, mean: Value, slope: Value, offset: Value): Value {
  const channels = mean.type.shape[0] ?? 0;
  const operation: Operation = {
    name: "affine",
    lower(emitter, [image = "", centre = "", factor = "", added = ""]) {
      const ones = emitter.emit("Expand", [emitter.floats(1), emitter.integers([channels])]);
      return [
        emitter.emit("BatchNormalization", [image, factor, added, centre, ones], {
          attributes: { epsilon: { float: 0 } },
        }),
      ];
    },
  };
  return applySingle(operation, [x, mean, slope, offset], x.type);
}

/** 1 / sqrt(variance + epsilon). */
function inverseDeviation(variance: Value, epsilon: number): Value {
  const operation: Operation = {
    name: "inverseDeviation",
    lower: (emitter, inputs) => [
      emitter.emit("Reciprocal", [emitter.emit("Sqrt", [emitter.emit("Add", [...inputs, emitter.floats(epsilon)])])]),
    ],
  };
  return applySingle(operation, [variance], variance.type);
}

/** The number of channels. @throws ShapeError where x is no images, or a parameter is not [channels]. */
function requireFit(operation: string, x: Value, parameters: readonly Value[]): number {
  const { shape } = x.type;
  const channels = shape[1] ?? 0;
  const misfit = parameters.find(({ type }) => !sameShape(type.shape, [channels]));
  if (shape.length !== 4 || misfit !== undefined) {
    const found = misfit === undefined ? "" : `${formatShape(misfit.type.shape)} for `;
    throw new ShapeError(`${operation}: ${found}x ${formatShape(shape)}, expected four axes and [channels]`);
  }
  return channels;
}
