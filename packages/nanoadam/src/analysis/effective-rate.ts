/** The learning rate that second moments leave to each entry, lr / (sqrt(v) + epsilon) (paper, Figure 18). */
import { bitsOf } from "./magnitudes.js";

/** How an optimizer comes from a second moment to a step. */
export interface SecondMoments {
  readonly beta2: number;
  readonly epsilon: number;
  /** Whether moments are corrected for their start at 0 by the number of steps. */
  readonly isCorrected: boolean;
}

/** A sum over the entries that an optimizer updates, which adds up over tensors; one that never had a gradient is none of them. */
export interface RateSum {
  readonly sum: number;
  readonly entries: number;
}

/**
 * Sums up over a tensor's second moments, in float32 or as the bits of bfloat16.
 * @param steps that they have seen
 */
export function effectiveRates(
  moments: Float32Array | Uint16Array,
  learningRate: number,
  steps: number,
  { beta2, epsilon, isCorrected }: SecondMoments,
): RateSum {
  const root = isCorrected ? 1 / Math.sqrt(1 - beta2 ** steps) : 1;
  const isWide = moments instanceof Float32Array;
  const one = new Float32Array(1);
  const oneBits = bitsOf(one);
  let [sum, entries] = [0, 0];
  for (let i = 0; i < moments.length; i++) {
    if (moments[i] === 0) continue;
    if (isWide) one[0] = moments[i] as number;
    else oneBits[0] = (moments[i] as number) << 16;
    sum += learningRate / (Math.sqrt(one[0] as number) * root + epsilon);
    entries++;
  }
  return { sum, entries };
}
