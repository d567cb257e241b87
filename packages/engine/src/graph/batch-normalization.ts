/** Batch normalisation of images [images, channels, height, width]: each channel over all images and pixels. */
import { reduceSum } from "./broadcast.js";
import { add, multiply, scale, subtract } from "./elementwise.js";
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
      const axes = emitter.integers(pixels);
      const mean = emitter.emit("ReduceMean", [image, axes]);
      const centred = emitter.emit("Sub", [image, mean]);
      const variance = emitter.emit("ReduceMean", [emitter.emit("Mul", [centred, centred]), axes]);
      const [ofChannels, varianceOfChannels] = [mean, variance].map((statistic) =>
        emitter.emit("Reshape", [statistic, emitter.integers([channels])]),
      );
      const output = emitter.emit(
        "BatchNormalization",
        [image, ...parameters, ofChannels ?? "", varianceOfChannels ?? ""],
        {
          attributes: { epsilon: { float: epsilon } },
        },
      );
      return [output, ofChannels ?? "", varianceOfChannels ?? ""];
    },
    derivative(node, [gradient]) {
      if (gradient === undefined) return [];
      const mean = outputOf(node, 1);
      const inverse = reshape(inverseDeviation(outputOf(node, 2), epsilon), each);
      const centred = subtract(inputOf(node, 0), reshape(mean, each));
      const sum = reduceSum(gradient, pixels);
      const weightGradient = multiply(reduceSum(multiply(gradient, centred), pixels), inverse);
      // weight * inverse * (gradient - sum / n - centred * inverse * weightGradient / n)
      const factor = multiply(reshape(inputOf(node, 1), each), inverse);
      const slope = scale(multiply(factor, multiply(inverse, weightGradient)), -1 / count);
      const offset = scale(multiply(factor, sum), -1 / count);
      const shifted = affine(inputOf(node, 0), mean, reshape(slope, [channels]), reshape(offset, [channels]));
      return [
        dense(add(multiply(gradient, factor), shifted)),
        dense(reshape(weightGradient, [channels])),
        dense(reshape(sum, [channels])),
      ];
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
      const inverse = reshape(inverseDeviation(variance, epsilon), each);
      const centred = subtract(x, reshape(mean, each));
      const weightGradient = multiply(reduceSum(multiply(gradient, centred), pixels), inverse);
      return [
        dense(multiply(gradient, multiply(reshape(weight, each), inverse))),
        dense(reshape(weightGradient, [channels])),
        dense(reshape(reduceSum(gradient, pixels), [channels])),
      ];
    },
  };
  return applySingle(operation, [x, weight, bias, mean, variance], x.type);
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
