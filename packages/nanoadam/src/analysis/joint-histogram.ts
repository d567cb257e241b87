/** How many entries of a tensor have a weight and a gradient of which magnitudes, over two logarithmic axes. */
import { bitsOf, magnitudeMask } from "./order-statistics.js";

/** An axis over powers of ten; what lies beyond an end counts in the bin there. */
export interface LogarithmicAxis {
  /** Powers of ten at the ends. */
  readonly from: number;
  readonly to: number;
  readonly binsPerDecade: number;
}

export const weightAxis: LogarithmicAxis = { from: -9, to: 2, binsPerDecade: 8 };
export const gradientAxis: LogarithmicAxis = { from: -16, to: 3, binsPerDecade: 8 };

export function binsOf({ from, to, binsPerDecade }: LogarithmicAxis): number {
  return (to - from) * binsPerDecade;
}

/** Where a bin begins. */
export function edgeOf({ from, binsPerDecade }: LogarithmicAxis, bin: number): number {
  return 10 ** (from + bin / binsPerDecade);
}

/** Smaller magnitudes, of which the upper 16 bits are 0, count as none: below 1e-40. */
const none = -1;

/**
 * Finds bins by bits: magnitudes with the same upper 16 bits differ by less than a bin is wide, so they lie in the bin of the least of
 * them or in the next one.
 */
interface BinFinder {
  /** The bin of the least magnitude with these upper 16 bits. */
  readonly first: Int16Array;
  /** The bits at which the next bin begins. */
  readonly next: Uint32Array;
}

function binFinder(axis: LogarithmicAxis): BinFinder {
  const bins = binsOf(axis);
  const edges = Float32Array.from({ length: bins + 1 }, (_, bin) => edgeOf(axis, bin));
  const next = bitsOf(edges).slice(1);
  next[bins - 1] = 0xffffffff;
  const first = new Int16Array(1 << 15);
  let bin = 0;
  for (let upper = 1; upper < first.length; upper++) {
    while (upper * 0x10000 >= (next[bin] as number)) bin++;
    first[upper] = bin;
  }
  first[0] = none;
  return { first, next };
}

const weightBins = binFinder(weightAxis);
const gradientBins = binFinder(gradientAxis);
const columns = binsOf(weightAxis);
const rows = binsOf(gradientAxis);

/** A histogram as a file has it. */
export interface HistogramRecord {
  /** For each bin of weights that has any: its number, that of the first bin of gradients, and the counts from there on. */
  readonly cells: readonly (readonly [weightBin: number, gradientBin: number, counts: readonly number[]])[];
  /** Entries whose gradient is 0, and others whose weight is. */
  readonly zeroGradients: number;
  readonly zeroWeights: number;
}

export class JointHistogram {
  /** By bin of weights, then of gradients. */
  readonly #counts = new Float64Array(columns * rows);
  #zeroGradients = 0;
  #zeroWeights = 0;

  /** Counts entries, of which each has a weight and a gradient. */
  add(weights: Float32Array, gradient: Float32Array): void {
    const [weightBits, gradientBits] = [bitsOf(weights), bitsOf(gradient)];
    const counts = this.#counts;
    const { first: firstOfWeight, next: nextOfWeight } = weightBins;
    const { first: firstOfGradient, next: nextOfGradient } = gradientBins;
    let [zeroGradients, zeroWeights] = [0, 0];
    for (let i = 0; i < weightBits.length; i++) {
      const slope = (gradientBits[i] as number) & magnitudeMask;
      let row = firstOfGradient[slope >>> 16] as number;
      if (row === none) {
        zeroGradients++;
        continue;
      }
      if (slope >= (nextOfGradient[row] as number)) row++;
      const weight = (weightBits[i] as number) & magnitudeMask;
      let column = firstOfWeight[weight >>> 16] as number;
      if (column === none) {
        zeroWeights++;
        continue;
      }
      if (weight >= (nextOfWeight[column] as number)) column++;
      const cell = column * rows + row;
      counts[cell] = (counts[cell] as number) + 1;
    }
    this.#zeroGradients += zeroGradients;
    this.#zeroWeights += zeroWeights;
  }

  /** Adds what another one has counted. */
  merge(other: JointHistogram): void {
    const counts = this.#counts;
    for (let cell = 0; cell < counts.length; cell++) {
      counts[cell] = (counts[cell] as number) + (other.#counts[cell] as number);
    }
    this.#zeroGradients += other.#zeroGradients;
    this.#zeroWeights += other.#zeroWeights;
  }

  record(): HistogramRecord {
    const cells: [number, number, number[]][] = [];
    for (let column = 0; column < columns; column++) {
      const counts = this.#counts.subarray(column * rows, (column + 1) * rows);
      const first = counts.findIndex((count) => count > 0);
      if (first < 0) continue;
      cells.push([column, first, [...counts.subarray(first, counts.findLastIndex((count) => count > 0) + 1)]]);
    }
    return { cells, zeroGradients: this.#zeroGradients, zeroWeights: this.#zeroWeights };
  }
}
