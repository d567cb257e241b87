import fc from "fast-check";
import { expect, test } from "vitest";
import { joined, type Pair, pair } from "../testing/random-entries.js";
import {
  binsOf,
  edgeOf,
  gradientAxis,
  type HistogramRecord,
  histogramOf,
  type LogarithmicAxis,
  weightAxis,
} from "./joint-histogram.js";
import { countEntries } from "./magnitude-kernel.js";

/** The bin by comparing with every edge. */
function directBin(axis: LogarithmicAxis, size: number): number {
  let bin = 0;
  while (bin + 1 < binsOf(axis) && size >= Math.fround(edgeOf(axis, bin + 1))) bin++;
  return bin;
}

function directCells({ weights, gradient }: Pair): Record<string, number> {
  const cells: Record<string, number> = {};
  for (const [i, weight] of weights.entries()) {
    const slope = Math.abs(gradient[i] ?? 0);
    if (weight === 0 || slope === 0) continue;
    const cell = `${directBin(weightAxis, Math.abs(weight))} ${directBin(gradientAxis, slope)}`;
    cells[cell] = (cells[cell] ?? 0) + 1;
  }
  return cells;
}

const histogramOfPair = ({ weights, gradient }: Pair) => histogramOf(countEntries(weights, gradient).cells);

function cellsOf(histogram: HistogramRecord): Record<string, number> {
  const cells: Record<string, number> = {};
  for (const [column, first, counts] of histogram.cells) {
    for (const [place, count] of counts.entries()) if (count > 0) cells[`${column} ${first + place}`] = count;
  }
  return cells;
}

test("cells are counted as a search of the edges finds them, and those of tensors add up", () => {
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 3 }), (pairs) => {
      const all = joined(pairs);
      const counts = pairs.map(({ weights, gradient }) => countEntries(weights, gradient).cells);
      const summed = counts.reduce((a, b) => a.map((count, cell) => count + (b[cell] ?? 0)));
      const direct = histogramOfPair(all);
      expect(histogramOf(summed)).toEqual(direct);
      expect(cellsOf(direct)).toEqual(directCells(all));
    }),
  );
});

test("every entry is counted once, zeros apart and what is beyond the axes at their ends", () => {
  const histogram = histogramOfPair({
    weights: Float32Array.of(0, 1, 0, 1e-30, 1e30, 1),
    gradient: Float32Array.of(0, 0, 1, 1e-30, -1e30, -1),
  });
  expect([histogram.zeroGradients, histogram.zeroWeights]).toEqual([2, 1]);
  const corner = `${binsOf(weightAxis) - 1} ${binsOf(gradientAxis) - 1}`;
  expect(cellsOf(histogram)).toEqual({ "0 0": 1, [corner]: 1, [`${9 * 8} ${16 * 8}`]: 1 });
});

test("a bin begins with its edge", () => {
  const edges = Array.from({ length: 80 }, (_, bin) => Math.fround(edgeOf(weightAxis, bin)));
  for (const [bin, edge] of edges.entries()) {
    const { cells } = histogramOfPair({ weights: Float32Array.of(edge), gradient: Float32Array.of(1) });
    expect(cells[0]?.[0]).toBe(bin);
  }
});
