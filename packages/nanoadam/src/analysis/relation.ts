/** How the magnitudes of weights and of their gradients go together, over entries that are all at hand. */
import type { Selection } from "@nanoadam/optim";
import { bitsOf, countOf, cutsAt, magnitudeMask, numberOf } from "./order-statistics.js";
import { gradientShares, Overlap, type OverlapRecord, weightShares } from "./overlap.js";

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

/** Ascending ranks at which the largest gradients of each share, and the small ones of Table 1, are cut off. */
export const largestRank = (share: number, length: number) => length - countOf(share, length);
export const smallRank = (length: number) => countOf(ratioShares.small, length) - 1;

/**
 * The measures of one or several tensors together; sets are exact, and entries of like magnitude at a bound count by a part each.
 * @throws RangeError where a gradient is not finite
 */
export function relationOf(tensors: readonly Entries[]): Relation {
  const length = tensors.reduce((sum, { weights }) => sum + weights.length, 0);
  const cuts = cutsAt(
    () => tensors.map(({ gradient }) => gradient),
    [...[...gradientShares, ratioShares.largest].map((share) => largestRank(share, length)), smallRank(length)],
  );
  const [small, largest] = [cuts.at(-1)?.bits ?? 0, cuts.at(-2)?.bits ?? 0];
  const weightCuts = cutsAt(
    () => tensors.map(({ weights }) => weights),
    weightShares.map((share) => countOf(share, length) - 1),
  );
  const bounds = (shares: readonly number[], of: typeof cuts) =>
    of.slice(0, shares.length).map((cut, place) => ({ cut, count: countOf(shares[place] ?? 1, length) }));
  const overlap = new Overlap(bounds(gradientShares, cuts), bounds(weightShares, weightCuts), length);
  const atLargest: number[] = [];
  let greatest = 0;
  let [squares, selectedSquares] = [0, 0];
  for (const { weights, gradient, selection } of tensors) {
    const [weightBits, gradientBits] = [bitsOf(weights), bitsOf(gradient)];
    forEachStretch(selection, (from, to, selected) => {
      let next = selected.next();
      for (let i = from; i < to; i++) {
        const slope = (gradientBits[i] as number) & magnitudeMask;
        const isSelected = i === next;
        if (isSelected) next = selected.next();
        const square = (gradient[i] as number) ** 2;
        squares += square;
        if (isSelected) selectedSquares += square;
        if (slope > small && slope < overlap.least) continue;
        const weight = (weightBits[i] as number) & magnitudeMask;
        if (slope <= small && weight > greatest) greatest = weight;
        if (slope >= overlap.least) overlap.add(weight, slope, isSelected);
        if (slope >= largest) atLargest.push(numberOf(weight));
      }
    });
  }
  if (!Number.isFinite(squares)) throw new RangeError("a gradient is not finite");
  return {
    entries: length,
    squares,
    ratio: ratioOf(atLargest, numberOf(greatest), numberOf(weightCuts.at(-1)?.bits ?? 0)),
    ...overlap.record(),
    caughtSquares: squares === 0 ? 0 : selectedSquares / squares,
  };
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

/** The selected entries of a chunk, one after another; -1 after the last. */
interface SelectedEntries {
  next(): number;
}

/** Calls `visit` for each chunk of a selection with its first entry, the one after its last, and its selected entries. */
export function forEachStretch(
  { length, chunkSize, starts, offsets }: Selection,
  visit: (from: number, to: number, selected: SelectedEntries) => void,
): void {
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const from = chunk * chunkSize;
    let position = starts[chunk] as number;
    const end = starts[chunk + 1] as number;
    const next = () => (position < end ? from + (offsets[position++] as number) : -1);
    visit(from, Math.min(length, from + chunkSize), { next });
  }
}
