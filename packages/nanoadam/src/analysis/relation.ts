/** How the magnitudes of weights and of their gradients go together, over tensors that are all at hand. */
import type { BoundPlaces, Candidates } from "./candidates.js";
import { floatsOf, numberOf } from "./magnitudes.js";
import { type Cut, countOf, cutsWithin } from "./order-statistics.js";
import { type Bound, Overlap, type OverlapRecord } from "./overlap.js";
import { gradientShares, largestCount, weightShares } from "./shares.js";
import type { Tally } from "./tally.js";

/** Table 1's ratio and what it is made of. */
export interface Ratio {
  /** The median |w| of the 0.01 % of largest |g|. */
  readonly atLargestGradients: number;
  /** The greatest |w| of the 80 % of smallest |g|. */
  readonly amongSmallGradients: number;
  /** The one over the other: the smaller, the more the largest gradients keep to small weights. */
  readonly value: number;
  /** What it would be if gradients had nothing to do with weights: the median |w| of all entries over the same. */
  readonly byChance: number;
}

export interface Relation extends OverlapRecord {
  readonly entries: number;
  /** The sum of all squared gradients. */
  readonly squares: number;
  readonly ratio: Ratio;
  /** The selected entries' part of it. */
  readonly caughtSquares: number;
}

/**
 * The measures of one or several tensors together; sets are exact, and entries of like magnitude at a bound count by a part each.
 * @param tally of all of them
 * @param tensors what was listed of each for these places, and maybe more
 * @param places of this tally
 * @throws RangeError where a gradient is not finite
 */
export function relationOf(tally: Tally, tensors: readonly Candidates[], places: BoundPlaces | undefined): Relation {
  const { length, squares } = tally;
  if (!Number.isFinite(squares)) throw new RangeError("a gradient is not finite");
  if (places === undefined) return withoutGradients(length, gradientShares);
  const [smallCut, ratioCut, ...largestCuts] = cutsWithin(
    () => tensors.map(({ gradient }) => floatsOf(gradient)),
    tally.gradient,
    [places.small, places.ofRatio, ...places.largest],
  );
  const weightCuts = cutsWithin(() => tensors.map(({ weights }) => floatsOf(weights)), tally.weights, places.weights);
  const bounds = largestCuts.map((cut, place) => ({ cut, count: largestCount(gradientShares[place] ?? 1, tally) }));
  const overlap = new Overlap(bounds, boundsOfWeights(weightCuts, length), length);
  for (const tensor of tensors) overlap.addAll(tensor);
  return {
    entries: length,
    squares,
    ratio: ratioOf(
      weightsAtLeast(ratioCut?.bits ?? 0, tensors),
      numberOf(greatestOfSmall(tensors, tally.greatest, places.small.bucket, smallCut?.bits ?? 0)),
      numberOf(weightCuts.at(-1)?.bits ?? 0),
    ),
    ...overlap.record(),
    caughtSquares: tally.selectedSquares / squares,
  };
}

/** The measures where every gradient is 0: there are none. */
export function withoutGradients(length: number, shares: readonly number[]): Relation {
  const none = Number.NaN;
  return {
    entries: length,
    squares: 0,
    ratio: { atLargestGradients: none, amongSmallGradients: none, value: none, byChance: none },
    overlap: shares.map(() => weightShares.map(() => none)),
    caught: shares.map(() => none),
    caughtSquares: none,
  };
}

/** The bits of the greatest weight of the small gradients: of all buckets before that of their bound, and of its own up to the bound. */
function greatestOfSmall(tensors: readonly Candidates[], greatest: Uint32Array, bucket: number, bound: number): number {
  let most = 0;
  for (let before = 0; before < Math.max(1, bucket); before++) most = Math.max(most, greatest[before] as number);
  if (bucket === 0) return most;
  for (const { weights, gradient } of tensors) {
    for (let i = 0; i < gradient.length; i++) {
      const slope = gradient[i] as number;
      if (slope >>> 16 === bucket && slope <= bound) most = Math.max(most, weights[i] as number);
    }
  }
  return most;
}

/** The |w| of the gradients from a magnitude on. */
export function weightsAtLeast(bits: number, tensors: readonly Omit<Candidates, "isSelected">[]): number[] {
  const found: number[] = [];
  for (const { weights, gradient } of tensors) {
    for (let i = 0; i < gradient.length; i++) {
      if ((gradient[i] as number) >= bits) found.push(numberOf(weights[i] as number));
    }
  }
  return found;
}

export function boundsOfWeights(cuts: readonly Cut[], length: number): Bound[] {
  return cuts.map((cut, place) => ({ cut, count: countOf(weightShares[place] ?? 1, length) }));
}

/**
 * @param atLargest the |w| of the largest gradients
 * @param ofAll the median |w| of all entries
 */
export function ratioOf(atLargest: readonly number[], amongSmallGradients: number, ofAll: number): Ratio {
  const atLargestGradients = median(atLargest);
  const value = atLargestGradients / amongSmallGradients;
  return { atLargestGradients, amongSmallGradients, value, byChance: ofAll / amongSmallGradients };
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
