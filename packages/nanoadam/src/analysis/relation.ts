/** How the magnitudes of weights and of their gradients go together, over entries that are all at hand. */
import type { Selection } from "@nanoadam/optim";
import { bitsOf, countOf, cutsAt, cutsWithin, magnitudeMask, numberOf, placeOf } from "./order-statistics.js";
import { gradientShares, Overlap, type OverlapRecord, weightShares } from "./overlap.js";
import { mergeTallies, type Tally, tallyOf } from "./tally.js";

/** A tensor's weights and gradient, and which of its entries an optimizer like NanoAdam would select. */
export interface Entries {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly selection: Selection;
}

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

/** Of Table 1: the part of largest gradients whose weights' median counts, and of smallest ones whose greatest weight does. */
export const ratioShares = { largest: 1e-4, small: 0.8 } as const;

/** How many gradients are the largest of a share: those that are 0, or below 1e-40, never are. */
export function largestCount(share: number, { length, gradient }: Pick<Tally, "length" | "gradient">): number {
  return Math.min(countOf(share, length), length - (gradient[0] ?? 0));
}

/** The ascending rank of the last of the small gradients of Table 1. */
export const smallRank = (length: number) => countOf(ratioShares.small, length) - 1;

/**
 * The measures of one or several tensors together; sets are exact, and entries of like magnitude at a bound count by a part each.
 * @param tally of all of them
 * @throws RangeError where a gradient is not finite
 */
export function relationOf(
  tensors: readonly Entries[],
  tally: Tally = mergeTallies(tensors.map(({ weights, gradient }) => tallyOf(weights, gradient))),
): Relation {
  const { length, squares } = tally;
  if (!Number.isFinite(squares)) throw new RangeError("a gradient is not finite");
  if (tally.gradient[0] === length) return withoutGradients(length, gradientShares);
  const top = placeOf(length - largestCount(gradientShares.at(-1) ?? 1, tally), tally.gradient);
  const edge = placeOf(smallRank(length), tally.gradient);
  const listed = new ListedEntries(tally.gradient.subarray(top.bucket).reduce((sum, count) => sum + count, 0));
  // Gradients that are 0 are many, and one as small as the other.
  const endsAtZero = edge.bucket === 0;
  const atEdge = new ListedEntries(endsAtZero ? 0 : (tally.gradient[edge.bucket] ?? 0));
  listEntries(tensors, { from: top.bucket, listed, edge: endsAtZero ? -1 : edge.bucket, atEdge });
  const cuts = cutsAt(
    () => [listed.slopes],
    [...gradientShares, ratioShares.largest].map((share) => length - largestCount(share, tally) - top.before),
  );
  const bounds = gradientShares.map((share, place) => {
    const { bits, below, equal } = cuts[place] ?? { bits: 0, below: 0, equal: 1 };
    return { cut: { bits, below: below + top.before, equal }, count: largestCount(share, tally) };
  });
  const weightCuts = cutsWithin(
    () => tensors.map(({ weights }) => weights),
    tally.weights,
    weightShares.map((share) => countOf(share, length) - 1),
  );
  const weightBounds = weightCuts.map((cut, place) => ({ cut, count: countOf(weightShares[place] ?? 1, length) }));
  const overlap = new Overlap(bounds, weightBounds, length);
  const largest = cuts.at(-1)?.bits ?? 0;
  const atLargest: number[] = [];
  listed.forEach((slope, weight, isSelected) => {
    overlap.add(weight, slope, isSelected);
    if (slope >= largest) atLargest.push(numberOf(weight));
  });
  // All buckets below that of the bound are of the small ones, and of its own those up to it.
  let greatest = tally.greatest
    .subarray(0, endsAtZero ? 1 : edge.bucket)
    .reduce((most, each) => Math.max(most, each), 0);
  const [small] = endsAtZero ? [] : cutsAt(() => [atEdge.slopes], [edge.rank - edge.before]);
  atEdge.forEach((slope, weight) => {
    if (slope <= (small?.bits ?? 0) && weight > greatest) greatest = weight;
  });
  return {
    entries: length,
    squares,
    ratio: ratioOf(atLargest, numberOf(greatest), numberOf(weightCuts.at(-1)?.bits ?? 0)),
    ...overlap.record(),
    caughtSquares: selectedSquares(tensors) / squares,
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

/** Entries that are looked at one by one, as bits of their magnitudes. */
class ListedEntries {
  /** The gradients as numbers. */
  readonly slopes: Float32Array;
  readonly #slopes: Uint32Array;
  readonly #weights: Uint32Array;
  readonly #selected: Uint8Array;
  #count = 0;

  constructor(length: number) {
    this.slopes = new Float32Array(length);
    this.#slopes = bitsOf(this.slopes);
    this.#weights = new Uint32Array(length);
    this.#selected = new Uint8Array(length);
  }

  add(slope: number, weight: number, isSelected: boolean): void {
    const place = this.#count++;
    this.#slopes[place] = slope;
    this.#weights[place] = weight;
    this.#selected[place] = isSelected ? 1 : 0;
  }

  forEach(visit: (slope: number, weight: number, isSelected: boolean) => void): void {
    for (let i = 0; i < this.#count; i++) {
      visit(this.#slopes[i] as number, this.#weights[i] as number, this.#selected[i] === 1);
    }
  }
}

/** Lists the entries whose gradients are in the bucket `from` or above it, and those of the bucket `edge`. */
function listEntries(
  tensors: readonly Entries[],
  { from, listed, edge, atEdge }: { from: number; listed: ListedEntries; edge: number; atEdge: ListedEntries },
): void {
  for (const { weights, gradient, selection } of tensors) {
    const [weightBits, gradientBits] = [bitsOf(weights), bitsOf(gradient)];
    for (let i = 0; i < gradientBits.length; i++) {
      const slope = (gradientBits[i] as number) & magnitudeMask;
      const bucket = slope >>> 16;
      if (bucket < from && bucket !== edge) continue;
      const weight = (weightBits[i] as number) & magnitudeMask;
      if (bucket >= from) listed.add(slope, weight, isSelected(selection, i));
      if (bucket === edge) atEdge.add(slope, weight, false);
    }
  }
}

/** Whether a selection has an entry. */
export function isSelected({ chunkSize, starts, offsets }: Selection, entry: number): boolean {
  const chunk = Math.floor(entry / chunkSize);
  const offset = entry - chunk * chunkSize;
  let [low, high] = [starts[chunk] as number, starts[chunk + 1] as number];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = offsets[middle] as number;
    if (found === offset) return true;
    if (found < offset) low = middle + 1;
    else high = middle;
  }
  return false;
}

/** The sum of the squared gradients of selected entries. */
export function selectedSquares(tensors: readonly Pick<Entries, "gradient" | "selection">[]): number {
  let squares = 0;
  for (const { gradient, selection } of tensors) {
    const { chunkSize, starts, offsets } = selection;
    for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
      const end = starts[chunk + 1] as number;
      for (let position = starts[chunk] as number; position < end; position++) {
        const slope = gradient[chunk * chunkSize + (offsets[position] as number)] as number;
        squares += slope * slope;
      }
    }
  }
  return squares;
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
