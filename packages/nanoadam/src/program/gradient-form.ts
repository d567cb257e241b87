/** In which form a parameter's gradient leaves the backward pass, by what is needed of it. */
import type { ImageFactors } from "@nanoadam/engine";
import type { GradientNeed } from "@nanoadam/optim";
import type { ParameterRole } from "../models/parameters.js";

/** Not at all, whole, or as the two factors of a product where it is one. */
export type GradientForm = "none" | "dense" | "product";

/** A part of a gradient with the memory that holds it; valid only while it is received. The gradient is the sum of its parts. */
export type Gradient =
  | { readonly form: "dense"; readonly values: Float32Array }
  /** The rows of an embedding table that `indices` number, one after another; a row may occur several times. */
  | { readonly form: "rows"; readonly indices: Int32Array; readonly values: Float32Array }
  /** leftᵀ right, left [n, rows] and right [n, columns]. */
  | {
      readonly form: "product";
      readonly left: Float32Array;
      readonly right: Float32Array;
      /** Of a convolution's weight: left and right are images, and the columns are what the windows see of the right ones. */
      readonly images?: ImageFactors;
    };

/** A parameter's gradient, or what a stage adds to it. */
export interface ParameterGradient {
  readonly parameterName: string;
  /** The tensor's row that the parts begin at, where they are of some of its rows only. */
  readonly firstRow?: number;
  readonly parts: readonly Gradient[];
}

/**
 * Receives the gradients of a stage's parameters as they appear, and the names of those parameters that nothing more comes of in the
 * backward pass, nor does it use their weights again: they may move.
 */
export type GradientReceiver = (gradients: readonly ParameterGradient[], complete: readonly string[]) => void;

/**
 * The density up to which the selected entries of a weight's gradient are computed alone. Measured: it pays up to 0.105 to
 * 0.145 at every size of weight (`npm run bench -- --only break-even`), so one number serves all, and a run's last bits do
 * not depend on a measurement of its machine.
 */
export const defaultSampledBelow = 0.12;

/**
 * The form in which a parameter's gradient is taken. The needed entries of a linear layer's or convolution's gradient are computed alone,
 * from its two factors, where they are few enough; an adapter's are not, since its matrices are small.
 * @param sampledBelow the density up to which they are; at 0 they never are
 */
export function gradientForm(need: GradientNeed, role: ParameterRole, sampledBelow: number): GradientForm {
  if (need.kind === "nothing") return "none";
  if (need.kind === "whole" || sampledBelow === 0 || role === "adapter") return "dense";
  // Of every chunk a selection has the density's fraction, rounded up.
  const { count, length, starts } = need.selection;
  return count < sampledBelow * length + starts.length - 1 ? "product" : "dense";
}

/** A number of images that is copied for the kernel takes as long as so many multiplications of a whole product; of a tenth of the entries. */
const productsForCopy = 200;

/**
 * Whether the selected entries of a convolution's weight [outputs, inputs, height, width] are computed alone in less time than all of them.
 * Where the kernel sees one pixel, copying the images takes longer than the whole product of small weights; a larger kernel is the more
 * arithmetic for the same copies. One rule for all densities up to `defaultSampledBelow`, by shapes alone, so that a run's last bits do not
 * depend on a measurement (`npm run bench -- --only convolutions`).
 */
export function isFasterSampled(
  [outputs = 0, inputs = 0]: readonly number[],
  { count, windows }: ImageFactors,
): boolean {
  const { kernel, output, size } = windows;
  if (kernel[0] * kernel[1] > 1) return true;
  const seen = output[0] * output[1];
  const copies = count * (outputs * seen + inputs * size[0] * size[1]);
  return productsForCopy * copies < count * seen * outputs * inputs;
}
