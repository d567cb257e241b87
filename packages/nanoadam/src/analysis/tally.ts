/** Weights and gradients of tensors counted by the upper 16 bits of their magnitudes, in one pass: what exact measures begin with. */
import { bitsOf, coarseBuckets, magnitudeMask } from "./order-statistics.js";

export interface Tally {
  readonly length: number;
  /** Numbers by the upper 16 bits of their magnitudes. */
  readonly weights: Uint32Array;
  readonly gradient: Uint32Array;
  /** The greatest weight of each of the gradient's buckets, as bits. */
  readonly greatest: Uint32Array;
  /** The sum of all squared gradients. */
  readonly squares: number;
}

/** Counts a tensor. */
export function tallyOf(weights: Float32Array, gradient: Float32Array): Tally {
  const [weightBits, gradientBits] = [bitsOf(weights), bitsOf(gradient)];
  const ofWeights = new Uint32Array(coarseBuckets);
  const ofGradient = new Uint32Array(coarseBuckets);
  const greatest = new Uint32Array(coarseBuckets);
  let squares = 0;
  for (let i = 0; i < weightBits.length; i++) {
    const weight = (weightBits[i] as number) & magnitudeMask;
    const bucket = ((gradientBits[i] as number) & magnitudeMask) >>> 16;
    const slope = gradient[i] as number;
    squares += slope * slope;
    ofWeights[weight >>> 16] = (ofWeights[weight >>> 16] as number) + 1;
    ofGradient[bucket] = (ofGradient[bucket] as number) + 1;
    if (weight > (greatest[bucket] as number)) greatest[bucket] = weight;
  }
  return { length: weights.length, weights: ofWeights, gradient: ofGradient, greatest, squares };
}

/** Tensors counted together. */
export function mergeTallies(tallies: readonly Tally[]): Tally {
  const [only] = tallies;
  if (tallies.length === 1 && only !== undefined) return only;
  const merged = {
    weights: new Uint32Array(coarseBuckets),
    gradient: new Uint32Array(coarseBuckets),
    greatest: new Uint32Array(coarseBuckets),
  };
  let [length, squares] = [0, 0];
  for (const tally of tallies) {
    length += tally.length;
    squares += tally.squares;
    for (let bucket = 0; bucket < coarseBuckets; bucket++) {
      merged.weights[bucket] = (merged.weights[bucket] as number) + (tally.weights[bucket] as number);
      merged.gradient[bucket] = (merged.gradient[bucket] as number) + (tally.gradient[bucket] as number);
      merged.greatest[bucket] = Math.max(merged.greatest[bucket] as number, tally.greatest[bucket] as number);
    }
  }
  return { length, squares, ...merged };
}
