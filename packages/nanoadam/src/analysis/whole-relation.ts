/**
 * The measures of `relation.ts` over all tensors of a model, which come one after another and go: only the entries of largest gradient
 * are kept. What is one of the smallest gradients is known for whole buckets of magnitudes alone, a 128th of an octave wide.
 */

import {
  bitsOf,
  countOf,
  cutsAt,
  cutsWithin,
  magnitudeMask,
  numberOf,
  type Parts,
  placeOf,
} from "./order-statistics.js";
import { Overlap, weightShares } from "./overlap.js";
import {
  type Entries,
  isSelected,
  largestCount,
  type Relation,
  ratioOf,
  ratioShares,
  selectedSquares,
  smallRank,
  withoutGradients,
} from "./relation.js";
import { mergeTallies, type Tally, tallyOf } from "./tally.js";

/** Shares of the largest gradients: of a large model more could not be kept. */
export const wholeGradientShares = [1e-5, 1e-4, 1e-3] as const;

/** Of the whole: the ratio's greatest weight is that of the 80 % of smallest gradients and of the rest of the last one's bucket. */
export interface WholeRelation extends Relation {
  /** The ratio's denominator without the last bucket: the exact one lies between the two, which are mostly equal. */
  readonly amongSmallGradientsAtLeast: number;
}

export class WholeRelationBuilder {
  readonly #kept: number;
  readonly #slopes: Float32Array;
  readonly #slopeBits: Uint32Array;
  readonly #weightBits: Uint32Array;
  readonly #selected: Uint8Array;
  #count = 0;
  /** Gradients below it are none of the largest. */
  #least = 1 << 16;
  #tally = tallyOf(new Float32Array(), new Float32Array());
  #selectedSquares = 0;

  /** @param length entries of all tensors to come, at most */
  constructor(length: number) {
    this.#kept = countOf(wholeGradientShares.at(-1) ?? 1, length);
    const room = 2 * this.#kept + 1024;
    this.#slopes = new Float32Array(room);
    this.#slopeBits = bitsOf(this.#slopes);
    this.#weightBits = new Uint32Array(room);
    this.#selected = new Uint8Array(room);
  }

  /** Entries that have come. */
  get length(): number {
    return this.#tally.length;
  }

  /** @param tally of the tensor */
  add({ weights, gradient, selection }: Entries, tally: Tally = tallyOf(weights, gradient)): void {
    this.#tally = mergeTallies([this.#tally, tally]);
    this.#selectedSquares += selectedSquares([{ gradient, selection }]);
    const [weightBits, gradientBits] = [bitsOf(weights), bitsOf(gradient)];
    for (let i = 0; i < gradientBits.length; i++) {
      const slope = (gradientBits[i] as number) & magnitudeMask;
      if (slope < this.#least) continue;
      this.#keep(slope, (weightBits[i] as number) & magnitudeMask, isSelected(selection, i));
    }
  }

  /**
   * The measures of what has come.
   * @param weights all weights, as they came
   */
  finish(weights: Parts): WholeRelation {
    const { length, squares, gradient, greatest } = this.#tally;
    const count = this.#count;
    const slopes = this.#slopes.subarray(0, count);
    if (count === 0) {
      return { ...withoutGradients(length, wholeGradientShares), amongSmallGradientsAtLeast: Number.NaN };
    }
    const rankOf = (share: number) => count - largestCount(share, this.#tally);
    const cuts = cutsAt(() => [slopes], [...wholeGradientShares, ratioShares.largest].map(rankOf));
    // Below what is kept there are more; above a cut there are no others.
    const bounds = wholeGradientShares.map((share, place) => {
      const { bits, below, equal } = cuts[place] ?? { bits: 0, below: 0, equal: 1 };
      return { cut: { bits, below: below + length - count, equal }, count: largestCount(share, this.#tally) };
    });
    const weightCuts = cutsWithin(
      weights,
      this.#tally.weights,
      weightShares.map((share) => countOf(share, length) - 1),
    );
    const weightBounds = weightCuts.map((cut, place) => ({ cut, count: countOf(weightShares[place] ?? 1, length) }));
    const overlap = new Overlap(bounds, weightBounds, length);
    const atLargest: number[] = [];
    for (let i = 0; i < count; i++) {
      const [slope, weight] = [this.#slopeBits[i] as number, this.#weightBits[i] as number];
      overlap.add(weight, slope, this.#selected[i] === 1);
      if (slope >= (cuts.at(-1)?.bits ?? 0)) atLargest.push(numberOf(weight));
    }
    const { bucket } = placeOf(smallRank(length), gradient);
    const below = greatest.subarray(0, bucket).reduce((most, each) => Math.max(most, each), 0);
    const among = Math.max(below, greatest[bucket] as number);
    return {
      entries: length,
      squares,
      ratio: ratioOf(atLargest, numberOf(among), numberOf(weightCuts.at(-1)?.bits ?? 0)),
      amongSmallGradientsAtLeast: numberOf(below),
      ...overlap.record(),
      caughtSquares: this.#selectedSquares / squares,
    };
  }

  #keep(slope: number, weight: number, isSelected: boolean): void {
    if (this.#count === this.#slopes.length) this.#makeRoom();
    if (slope < this.#least) return;
    const place = this.#count++;
    this.#slopeBits[place] = slope;
    this.#weightBits[place] = weight;
    this.#selected[place] = isSelected ? 1 : 0;
  }

  /** Keeps as many as are wanted in the end: the largest, and of equal ones those that came first. */
  #makeRoom(): void {
    const kept = this.#kept;
    const slopes = this.#slopes;
    const [cut] = cutsAt(() => [slopes], [slopes.length - kept]);
    const { bits, below, equal } = cut ?? { bits: 0, below: 0, equal: 0 };
    let ties = kept - (slopes.length - below - equal);
    let place = 0;
    for (let i = 0; i < slopes.length; i++) {
      const slope = this.#slopeBits[i] as number;
      if (slope < bits || (slope === bits && ties-- <= 0)) continue;
      this.#slopeBits[place] = slope;
      this.#weightBits[place] = this.#weightBits[i] as number;
      this.#selected[place] = this.#selected[i] as number;
      place++;
    }
    this.#count = place;
    // An equal one that comes later is none of the first.
    this.#least = bits + 1;
  }
}
