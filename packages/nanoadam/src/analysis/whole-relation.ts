/**
 * The measures of `relation.ts` over all tensors of a model, which come one after another and go: only the entries of largest gradient
 * are kept. What is one of the smallest gradients is known for whole buckets of magnitudes alone, a 128th of an octave wide.
 */

import type { Candidates } from "./candidates.js";
import { floatsOf, numberOf } from "./magnitudes.js";
import { countOf, cutsAt, cutsWithin, type Parts, placesOf } from "./order-statistics.js";
import { Overlap } from "./overlap.js";
import { boundsOfWeights, type Relation, ratioOf, weightsAtLeast, withoutGradients } from "./relation.js";
import { largestCount, ratioShares, smallRank, weightRanks } from "./shares.js";
import { type Tally, TallySum } from "./tally.js";

/** Shares of the largest gradients: of a large model more could not be kept. */
export const wholeGradientShares = [1e-5, 1e-4, 1e-3] as const;

/** Of the whole: the ratio's greatest weight is that of the 80 % of smallest gradients and of the rest of the last one's bucket. */
export interface WholeRelation extends Relation {
  /** The ratio's denominator without the last bucket: the exact one lies between the two, which are mostly equal. */
  readonly amongSmallGradientsAtLeast: number;
}

export class WholeRelationBuilder {
  readonly #kept: number;
  readonly #slopes: Uint32Array;
  readonly #weights: Uint32Array;
  readonly #selected: Uint8Array;
  #count = 0;
  /** Gradients below it are none of the largest. */
  #least = 1 << 16;
  #tally: TallySum | undefined;

  /** @param length entries of all tensors to come, at most */
  constructor(length: number) {
    this.#kept = countOf(wholeGradientShares.at(-1) ?? 1, length);
    const room = 2 * this.#kept + 1024;
    this.#slopes = new Uint32Array(room);
    this.#weights = new Uint32Array(room);
    this.#selected = new Uint8Array(room);
  }

  /** What was counted of all tensors that have come; undefined before the first. */
  get tally(): Tally | undefined {
    return this.#tally;
  }

  /** The bucket of gradients from which on a tensor may have some of the largest. */
  leastBucket({ gradient }: Tally): number {
    const others = this.#tally?.gradient;
    let [bucket, above] = [gradient.length, 0];
    while (bucket > 1 && above < this.#kept) {
      bucket--;
      above += (gradient[bucket] as number) + (others?.[bucket] ?? 0);
    }
    return Math.max(bucket, this.#least >>> 16);
  }

  /**
   * @param tally of the tensor
   * @param candidates all of its entries from `leastBucket` on, and maybe others
   */
  add(tally: Tally, { weights, gradient, isSelected }: Candidates): void {
    this.#least = Math.max(this.#least, this.leastBucket(tally) << 16);
    this.#tally = this.#tally?.add(tally) ?? new TallySum(tally);
    for (let i = 0; i < gradient.length; i++) {
      this.#keep(gradient[i] as number, weights[i] as number, isSelected[i] as number);
    }
  }

  /**
   * The measures of what has come; undefined where nothing has.
   * @param weights all weights, as they came
   */
  finish(weights: Parts): WholeRelation | undefined {
    const tally = this.#tally;
    if (tally === undefined) return undefined;
    const { length, squares, gradient, greatest, selectedSquares } = tally;
    const count = this.#count;
    if (count === 0) {
      return { ...withoutGradients(length, wholeGradientShares), amongSmallGradientsAtLeast: Number.NaN };
    }
    const kept = {
      weights: this.#weights.subarray(0, count),
      gradient: this.#slopes.subarray(0, count),
      isSelected: this.#selected.subarray(0, count),
    };
    const rankOf = (share: number) => count - largestCount(share, tally);
    const cuts = cutsAt(() => [floatsOf(kept.gradient)], [...wholeGradientShares, ratioShares.largest].map(rankOf));
    // Below what is kept there are more; above a cut there are no others.
    const bounds = wholeGradientShares.map((share, place) => {
      const { bits, below, equal } = cuts[place] ?? { bits: 0, below: 0, equal: 1 };
      return { cut: { bits, below: below + length - count, equal }, count: largestCount(share, tally) };
    });
    const weightCuts = cutsWithin(weights, tally.weights, placesOf(weightRanks(length), tally.weights));
    const overlap = new Overlap(bounds, boundsOfWeights(weightCuts, length), length);
    overlap.addAll(kept);
    const bucket = placesOf([smallRank(length)], gradient)[0]?.bucket ?? 0;
    const below = greatest.subarray(0, bucket).reduce((most, each) => Math.max(most, each), 0);
    const among = Math.max(below, greatest[bucket] as number);
    return {
      entries: length,
      squares,
      ratio: ratioOf(
        weightsAtLeast(cuts.at(-1)?.bits ?? 0, [kept]),
        numberOf(among),
        numberOf(weightCuts.at(-1)?.bits ?? 0),
      ),
      amongSmallGradientsAtLeast: numberOf(below),
      ...overlap.record(),
      caughtSquares: selectedSquares / squares,
    };
  }

  #keep(slope: number, weight: number, isSelected: number): void {
    if (slope < this.#least) return;
    if (this.#count === this.#slopes.length) this.#makeRoom();
    if (slope < this.#least) return;
    const place = this.#count++;
    this.#slopes[place] = slope;
    this.#weights[place] = weight;
    this.#selected[place] = isSelected;
  }

  /** Keeps as many as are wanted in the end: the largest, and of equal ones those that came first. */
  #makeRoom(): void {
    const kept = this.#kept;
    const slopes = this.#slopes;
    const [cut] = cutsAt(() => [floatsOf(slopes)], [slopes.length - kept]);
    const { bits, below, equal } = cut ?? { bits: 0, below: 0, equal: 0 };
    let ties = kept - (slopes.length - below - equal);
    let place = 0;
    for (let i = 0; i < slopes.length; i++) {
      const slope = slopes[i] as number;
      if (slope < bits || (slope === bits && ties-- <= 0)) continue;
      slopes[place] = slope;
      this.#weights[place] = this.#weights[i] as number;
      this.#selected[place] = this.#selected[i] as number;
      place++;
    }
    this.#count = place;
    // An equal one that comes later is none of the first.
    this.#least = bits + 1;
  }
}
