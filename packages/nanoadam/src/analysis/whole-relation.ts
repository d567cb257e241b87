/**
 * The measures of `relation.ts` over all tensors of a model, which come one after another and go: only the entries of largest gradient
 * are kept. What is one of the smallest gradients is known for whole buckets of magnitudes alone, a 128th of an octave wide.
 */

import {
  bitsOf,
  coarseBuckets,
  countOf,
  cutsAt,
  magnitudeMask,
  numberOf,
  type Parts,
  placeOf,
} from "./order-statistics.js";
import { Overlap, weightShares } from "./overlap.js";
import { type Entries, forEachStretch, type Relation, ratioOf, ratioShares, smallRank } from "./relation.js";

/** Shares of the largest gradients: of a large model more could not be kept. */
export const wholeGradientShares = [1e-5, 1e-4, 1e-3] as const;

/** Of the whole: the ratio's greatest weight is that of the 80 % of smallest gradients and of the rest of the last one's bucket. */
export interface WholeRelation extends Relation {
  /** The ratio's denominator without the last bucket: the exact one lies between the two, which are mostly equal. */
  readonly amongSmallGradientsAtLeast: number;
}

export class WholeRelationBuilder {
  #length = 0;
  readonly #kept: number;
  readonly #slopes: Float32Array;
  readonly #slopeBits: Uint32Array;
  readonly #weightBits: Uint32Array;
  readonly #selected: Uint8Array;
  #count = 0;
  /** Gradients below it are none of the largest. */
  #least = 0;
  /** Of the gradients, by the upper 16 bits of their magnitudes: how many, and the greatest weight. */
  readonly #buckets = new Float64Array(coarseBuckets);
  readonly #greatest = new Uint32Array(coarseBuckets);
  #squares = 0;
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
    return this.#length;
  }

  add({ weights, gradient, selection }: Entries): void {
    const [weightBits, gradientBits] = [bitsOf(weights), bitsOf(gradient)];
    const [buckets, greatest] = [this.#buckets, this.#greatest];
    this.#length += weights.length;
    let [squares, selectedSquares] = [0, 0];
    forEachStretch(selection, (from, to, selected) => {
      let next = selected.next();
      for (let i = from; i < to; i++) {
        const slope = (gradientBits[i] as number) & magnitudeMask;
        const weight = (weightBits[i] as number) & magnitudeMask;
        const isSelected = i === next;
        if (isSelected) next = selected.next();
        const square = (gradient[i] as number) ** 2;
        squares += square;
        if (isSelected) selectedSquares += square;
        const bucket = slope >>> 16;
        buckets[bucket] = (buckets[bucket] as number) + 1;
        if (weight > (greatest[bucket] as number)) greatest[bucket] = weight;
        if (slope >= this.#least) this.#keep(slope, weight, isSelected);
      }
    });
    this.#squares += squares;
    this.#selectedSquares += selectedSquares;
  }

  /**
   * The measures of what has come.
   * @param weights all weights, as they came
   */
  finish(weights: Parts): WholeRelation {
    const [length, count] = [this.#length, this.#count];
    const slopes = this.#slopes.subarray(0, count);
    const rankOf = (share: number) => count - countOf(share, length);
    const cuts = cutsAt(() => [slopes], [...wholeGradientShares, ratioShares.largest].map(rankOf));
    // Below what is kept there are more; above a cut there are no others.
    const gradients = wholeGradientShares.map((share, place) => {
      const { bits, below, equal } = cuts[place] ?? { bits: 0, below: 0, equal: 1 };
      return { cut: { bits, below: below + length - count, equal }, count: countOf(share, length) };
    });
    const weightCuts = cutsAt(
      weights,
      weightShares.map((share) => countOf(share, length) - 1),
    );
    const bounds = weightCuts.map((cut, place) => ({ cut, count: countOf(weightShares[place] ?? 1, length) }));
    const overlap = new Overlap(gradients, bounds, length);
    const atLargest: number[] = [];
    for (let i = 0; i < count; i++) {
      const [slope, weight] = [this.#slopeBits[i] as number, this.#weightBits[i] as number];
      overlap.add(weight, slope, this.#selected[i] === 1);
      if (slope >= (cuts.at(-1)?.bits ?? 0)) atLargest.push(numberOf(weight));
    }
    const { bucket } = placeOf(smallRank(length), this.#buckets);
    const below = this.#greatest.subarray(0, bucket).reduce((most, each) => Math.max(most, each), 0);
    const among = Math.max(below, this.#greatest[bucket] as number);
    return {
      entries: length,
      squares: this.#squares,
      ratio: ratioOf(atLargest, numberOf(among), numberOf(weightCuts.at(-1)?.bits ?? 0)),
      amongSmallGradientsAtLeast: numberOf(below),
      ...overlap.record(),
      caughtSquares: this.#squares === 0 ? 0 : this.#selectedSquares / this.#squares,
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
