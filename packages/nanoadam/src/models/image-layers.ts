/** Layers of networks over images, which are [images, channels, height, width] throughout. */
import {
  add,
  batchNorm,
  type ConvolutionOptions,
  convolution,
  fixedBatchNorm,
  reduceMean,
  reshape,
  scale,
  shift,
  sizeOf,
  type Value,
} from "@nanoadam/engine";
import type { Block, StageContext } from "./model.js";
import { constantParameter, type LocalBuffers, type LocalParameters, normalisationParameters } from "./parameters.js";

/**
 * The weight of a square convolution, drawn as He et al. (2015) do by the fan-out unless a deviation is given, and its bias where it
 * has one.
 */
export function convolutionParameters(
  local: string,
  name: string,
  [inputs, outputs]: readonly [inputs: number, outputs: number],
  kernel: number,
  options: { readonly deviation?: number; readonly bias?: boolean } = {},
): LocalParameters {
  const { deviation: standardDeviation = Math.sqrt(2 / (outputs * kernel * kernel)), bias = false } = options;
  return {
    [`${local}.weight`]: {
      name: `${name}.weight`,
      shape: [outputs, inputs, kernel, kernel],
      role: "weight",
      initialisation: { kind: "normal", standardDeviation },
    },
    ...(bias ? { [`${local}.bias`]: constantParameter(`${name}.bias`, [outputs], "bias", 0) } : {}),
  };
}

/** The convolution of a local name, padded so that with stride 1 an image keeps its size. */
export function convolve(
  context: StageContext,
  local: string,
  x: Value,
  options: Pick<ConvolutionOptions, "stride"> = {},
): Value {
  const weight = context.parameter(`${local}.weight`);
  const [, , kernel = 1] = weight.type.shape;
  return convolution(x, weight, undefined, { ...options, padding: Math.floor(kernel / 2) });
}

export interface BatchNormOptions {
  readonly epsilon: number;
  /** The share that a batch has in the running statistics. */
  readonly momentum: number;
}

/** What a batch normalisation has of its own beside its parameters: the running statistics, and of how many batches they are. */
export function batchNormBuffers(local: string, name: string, channels: number): LocalBuffers {
  return {
    [`${local}.running_mean`]: { name: `${name}.running_mean`, shape: [channels], initial: 0 },
    [`${local}.running_var`]: { name: `${name}.running_var`, shape: [channels], initial: 1 },
    [`${local}.num_batches_tracked`]: { name: `${name}.num_batches_tracked`, shape: [], initial: 0, isCount: true },
  };
}

/** A batch normalisation's weight and bias. */
export function batchNormParameters(local: string, name: string, channels: number): LocalParameters {
  return normalisationParameters(local, name, channels);
}

/**
 * The batch normalisation of a local name: by the batch's statistics in training, which also move the running ones, and by the
 * running ones in evaluation. A single pixel of a single image says nothing of a variance, and moves nothing.
 */
export function batchNormalise(
  context: StageContext,
  local: string,
  x: Value,
  { epsilon, momentum }: BatchNormOptions,
): Value {
  const [weight, bias] = [context.parameter(`${local}.weight`), context.parameter(`${local}.bias`)];
  const [mean, variance] = [context.buffer(`${local}.running_mean`), context.buffer(`${local}.running_var`)];
  if (context.mode === "evaluate") return fixedBatchNorm(x, { weight, bias, mean, variance }, epsilon);
  const found = batchNorm(x, weight, bias, epsilon);
  const count = sizeOf(x.type.shape) / (x.type.shape[1] ?? 1);
  if (count > 1) {
    const towards = (old: Value, value: Value, share: number) => add(scale(old, 1 - momentum), scale(value, share));
    context.update(`${local}.running_mean`, towards(mean, found.mean, momentum));
    context.update(`${local}.running_var`, towards(variance, found.variance, (momentum * count) / (count - 1)));
    context.update(`${local}.num_batches_tracked`, shift(context.buffer(`${local}.num_batches_tracked`), 1));
  }
  return found.output;
}

/** The rows of a head that judges each image by the mean of its pixels: [images, channels]. */
export const meanOfPixels: Block = (context) => {
  const x = context.hidden();
  const [images = 0, channels = 0] = x.type.shape;
  return reshape(reduceMean(x, [2, 3]), [images, channels]);
};
