/** The entries on which exact measures may depend: those in the buckets of magnitudes that a bound of some set falls into, or beyond. */
import type { Selection } from "@nanoadam/optim";
import { listMarked, type Marks } from "./magnitude-kernel.js";
import { coarseBuckets } from "./magnitudes.js";
import { type Place, placesOf } from "./order-statistics.js";
import { gradientShares, largestCount, ratioShares, smallRank, weightRanks } from "./shares.js";
import type { Entries, Tally } from "./tally.js";

/** Entries of a tensor in their order. */
export interface Candidates {
  /** Bits of magnitudes. */
  readonly weights: Uint32Array;
  readonly gradient: Uint32Array;
  /** Known of the largest gradients only; 0 of others. */
  readonly isSelected: Uint8Array;
}

/** Memory of candidates, of one tensor after another. */
export class CandidateMemory {
  #candidates = roomFor(0);

  /** Room for so many, whatever it has. */
  room(length: number): Candidates {
    // Tensors of like size have a few more or less.
    if (this.#candidates.weights.length < length) this.#candidates = roomFor(Math.ceil(1.25 * length));
    return this.#candidates;
  }
}

function roomFor(length: number): Candidates {
  return { weights: new Uint32Array(length), gradient: new Uint32Array(length), isSelected: new Uint8Array(length) };
}

/** Where the bounds of the measures of `relation.ts` are, by what was counted. */
export interface BoundPlaces {
  /** Of the least of the largest gradients, by share. */
  readonly largest: readonly Place[];
  /** Of the least of those whose weights Table 1's median is of. */
  readonly ofRatio: Place;
  /** Of the greatest of the small gradients. */
  readonly small: Place;
  /** Of the greatest of the smallest weights, by share. */
  readonly weights: readonly Place[];
}

/** @returns undefined where all gradients are 0: there are no largest ones. */
export function boundPlaces(tally: Tally): BoundPlaces | undefined {
  const { length, gradient, weights } = tally;
  if (gradient[0] === length) return undefined;
  const ranks = [ratioShares.largest, ...gradientShares].map((share) => length - largestCount(share, tally));
  const [small, ofRatio, ...largest] = placesOf([smallRank(length), ...ranks], gradient);
  if (small === undefined || ofRatio === undefined) return undefined;
  return { largest, ofRatio, small, weights: placesOf(weightRanks(length), weights) };
}

/** The bucket from which on gradients are among the largest of the greatest share. */
function leastOfLargest({ largest, ofRatio }: BoundPlaces): number {
  return Math.min(ofRatio.bucket, ...largest.map(({ bucket }) => bucket));
}

/**
 * Lists the entries of a tensor that measures ask for.
 * @param tally of the tensor
 * @param places of all these measures
 * @param from the bucket from which on gradients are asked for, whatever the measures say
 * @param memory where to
 */
export function candidatesOf(
  { weights, gradient, selection }: Entries,
  tally: Tally,
  places: readonly BoundPlaces[],
  from = coarseBuckets,
  memory = new CandidateMemory(),
): Candidates {
  // Of those that count as 0 one is as the other.
  const isNonZero = (bucket: number) => bucket > 0;
  const marks = {
    weights: new Set(places.flatMap((each) => each.weights.map(({ bucket }) => bucket)).filter(isNonZero)),
    gradient: new Set(places.map(({ small }) => small.bucket).filter(isNonZero)),
    gradientFrom: Math.max(1, Math.min(from, ...places.map(leastOfLargest))),
  };
  const least = marks.gradientFrom * 0x10000;
  const most = Math.min(tally.length, markedCount(tally, marks));
  const found = memory.room(most);
  const isSelected = inOrder(selection);
  let count = 0;
  listMarked(weights, gradient, marks, (listed) => {
    found.weights.set(listed.weights, count);
    found.gradient.set(listed.gradient, count);
    for (let i = 0; i < listed.places.length; i++) {
      const isAsked = (listed.gradient[i] as number) >= least;
      found.isSelected[count + i] = isAsked && isSelected(listed.start + (listed.places[i] as number)) ? 1 : 0;
    }
    count += listed.places.length;
  });
  return {
    weights: found.weights.subarray(0, count),
    gradient: found.gradient.subarray(0, count),
    isSelected: found.isSelected.subarray(0, count),
  };
}

/** How many entries a list may have at most. */
function markedCount(tally: Tally, { weights, gradient, gradientFrom = coarseBuckets }: Marks): number {
  let count = 0;
  for (const bucket of weights) count += tally.weights[bucket] as number;
  for (const bucket of gradient) count += tally.gradient[bucket] as number;
  for (let bucket = gradientFrom; bucket < coarseBuckets; bucket++) count += tally.gradient[bucket] as number;
  return count;
}

/** Whether a selection has an entry, asked for in ascending order. */
function inOrder({ chunkSize, starts, offsets }: Selection): (entry: number) => boolean {
  let [chunk, position] = [0, 0];
  return (entry) => {
    while (entry >= (chunk + 1) * chunkSize) {
      chunk++;
      position = starts[chunk] as number;
    }
    const offset = entry - chunk * chunkSize;
    const end = starts[chunk + 1] as number;
    while (position < end && (offsets[position] as number) < offset) position++;
    return position < end && offsets[position] === offset;
  };
}
