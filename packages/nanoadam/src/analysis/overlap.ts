/**
 * Where the largest gradients lie: how much of them the smallest weights have, and how much of them a selection of entries would
 * catch (paper, Figure 2).
 */
import type { Candidates } from "./candidates.js";
import { type Cut, tiePart } from "./order-statistics.js";

/** Entries of a set: how many, and the cut that bounds them. */
export interface Bound {
  readonly cut: Cut;
  readonly count: number;
}

export interface OverlapRecord {
  /** For each share of the largest gradients: the part of them that lies on each share of the smallest weights. */
  readonly overlap: readonly (readonly number[])[];
  /** For each share of the largest gradients: the part of them that is selected. */
  readonly caught: readonly number[];
}

/** Sums up over entries, given the bounds of the largest gradients and of the smallest weights, narrowest first, of `length` entries. */
export class Overlap {
  readonly #gradients: readonly Bound[];
  readonly #gradientBits: Float64Array;
  readonly #weightBits: Float64Array;
  readonly #gradientParts: readonly number[];
  readonly #weightParts: readonly number[];
  /** By bound of gradients, then of weights, then all weights. */
  readonly #sums: Float64Array;
  readonly #caught: Float64Array;

  constructor(gradients: readonly Bound[], weights: readonly Bound[], length: number) {
    this.#gradients = gradients;
    this.#gradientBits = Float64Array.from(gradients, ({ cut }) => cut.bits);
    this.#weightBits = Float64Array.from(weights, ({ cut }) => cut.bits);
    this.#gradientParts = gradients.map(({ cut, count }) => tiePart(cut, "largest", count, length));
    this.#weightParts = weights.map(({ cut, count }) => tiePart(cut, "smallest", count, length));
    this.#sums = new Float64Array(gradients.length * weights.length);
    this.#caught = new Float64Array(gradients.length);
  }

  /** Counts entries, by the bits of their magnitudes; those whose gradients are below all bounds may be left out. */
  addAll({ weights, gradient, isSelected }: Candidates): void {
    for (let i = 0; i < weights.length; i++)
      this.#add(weights[i] as number, gradient[i] as number, isSelected[i] === 1);
  }

  #add(weight: number, slope: number, isSelected: boolean): void {
    const [gradientBits, weightBits] = [this.#gradientBits, this.#weightBits];
    const widths = weightBits.length;
    for (let outer = gradientBits.length - 1; outer >= 0; outer--) {
      const bound = gradientBits[outer] as number;
      if (slope < bound) return;
      const part = slope === bound ? (this.#gradientParts[outer] as number) : 1;
      if (isSelected) this.#caught[outer] = (this.#caught[outer] as number) + part;
      for (let inner = widths - 1; inner >= 0; inner--) {
        const limit = weightBits[inner] as number;
        if (weight > limit) break;
        const share = weight === limit ? part * (this.#weightParts[inner] as number) : part;
        const cell = outer * widths + inner;
        this.#sums[cell] = (this.#sums[cell] as number) + share;
      }
    }
  }

  record(): OverlapRecord {
    const widths = this.#weightBits.length;
    return {
      overlap: this.#gradients.map(({ count }, outer) =>
        Array.from({ length: widths }, (_, inner) => (this.#sums[outer * widths + inner] as number) / count),
      ),
      caught: this.#gradients.map(({ count }, outer) => (this.#caught[outer] as number) / count),
    };
  }
}
