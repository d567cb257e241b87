/** How many entries of a tensor have a weight and a gradient of which magnitudes, over two logarithmic axes. */
import { bitsOf, coarseBuckets } from "./magnitudes.js";

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

const columns = binsOf(weightAxis);
const rows = binsOf(gradientAxis);

/** Cells of a bin of weights: one for each of gradients, and one for gradients of 0. */
export const cellRows = rows + 1;
/** The last column is that of weights of 0. */
export const cellCount = (columns + 1) * cellRows;

/**
 * Finds bins by bits: magnitudes with the same upper 16 bits differ by less than a bin is wide, so they lie in the bin of the least of
 * them or in the next one. For each upper 16 bits there is a number that, with the lower 16 added, has the bin from bit 17 on: where the
 * next one begins, bit 17 is carried into. Magnitudes whose upper bits are 0, below 1e-40, have a bin of their own, behind the others.
 */
function binTable(axis: LogarithmicAxis): Uint32Array {
  const bins = binsOf(axis);
  const next = bitsOf(Float32Array.from({ length: bins }, (_, bin) => edgeOf(axis, bin + 1)));
  const carry = 0x20000;
  const table = new Uint32Array(coarseBuckets).fill(bins * carry, 0, 1);
  let bin = 0;
  for (let upper = 1; upper < coarseBuckets; upper++) {
    const start = upper * 0x10000;
    while (bin < bins - 1 && start >= (next[bin] as number)) bin++;
    const left = bin < bins - 1 ? Math.min(carry, (next[bin] as number) - start) : carry;
    table[upper] = bin * carry + carry - left;
  }
  return table;
}

export const weightBins = binTable(weightAxis);
export const gradientBins = binTable(gradientAxis);

/** A histogram as a file has it. */
export interface HistogramRecord {
  /** For each bin of weights that has any: its number, that of the first bin of gradients, and the counts from there on. */
  readonly cells: readonly (readonly [weightBin: number, gradientBin: number, counts: readonly number[]])[];
  /** Entries whose gradient is 0, and others whose weight is. */
  readonly zeroGradients: number;
  readonly zeroWeights: number;
}

/** What the counts of cells are as a file has them: by bin of weights, then of gradients. */
export function histogramOf(cells: Uint32Array): HistogramRecord {
  const filled: [number, number, number[]][] = [];
  let [zeroGradients, zeroWeights] = [0, 0];
  for (let column = 0; column <= columns; column++) {
    const start = column * cellRows;
    zeroGradients += cells[start + rows] as number;
    let [first, behind] = [0, rows];
    while (first < rows && cells[start + first] === 0) first++;
    while (behind > first && cells[start + behind - 1] === 0) behind--;
    if (first === behind) continue;
    const counts = [...cells.subarray(start + first, start + behind)];
    if (column < columns) filled.push([column, first, counts]);
    else zeroWeights = counts.reduce((sum, count) => sum + count, 0);
  }
  return { cells: filled, zeroGradients, zeroWeights };
}
