import fc from "fast-check";
import { expect, test } from "vitest";
import { joined, type Pair, pair } from "../testing/random-entries.js";
import { binsOf, edgeOf, gradientAxis, JointHistogram, type LogarithmicAxis, weightAxis } from "./joint-histogram.js";

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

function cellsOf(histogram: JointHistogram): Record<string, number> {
  const cells: Record<string, number> = {};
  for (const [column, first, counts] of histogram.record().cells) {
    for (const [place, count] of counts.entries()) if (count > 0) cells[`${column} ${first + place}`] = count;
  }
  return cells;
}

test("tensors that are added one after another, or merged, count as all of them at once, and as a search of the edges", () => {
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 3 }), (pairs) => {
      const [streamed, merged, direct] = [new JointHistogram(), new JointHistogram(), new JointHistogram()];
      for (const { weights, gradient } of pairs) {
        streamed.add(weights, gradient);
        const own = new JointHistogram();
        own.add(weights, gradient);
        merged.merge(own);
      }
      const all = joined(pairs);
      direct.add(all.weights, all.gradient);
      expect(streamed.record()).toEqual(direct.record());
      expect(merged.record()).toEqual(direct.record());
      expect(cellsOf(direct)).toEqual(directCells(all));
    }),
  );
});

test("every entry is counted once, zeros apart and what is beyond the axes at their ends", () => {
  const histogram = new JointHistogram();
  histogram.add(Float32Array.of(0, 1, 0, 1e-30, 1e30, 1), Float32Array.of(0, 0, 1, 1e-30, -1e30, -1));
  const { zeroGradients, zeroWeights } = histogram.record();
  expect([zeroGradients, zeroWeights]).toEqual([2, 1]);
  const corner = `${binsOf(weightAxis) - 1} ${binsOf(gradientAxis) - 1}`;
  expect(cellsOf(histogram)).toEqual({ "0 0": 1, [corner]: 1, [`${9 * 8} ${16 * 8}`]: 1 });
});

test("a bin begins with its edge", () => {
  const edges = Array.from({ length: 80 }, (_, bin) => Math.fround(edgeOf(weightAxis, bin)));
  for (const [bin, edge] of edges.entries()) {
    const histogram = new JointHistogram();
    histogram.add(Float32Array.of(edge), Float32Array.of(1));
    expect(histogram.record().cells[0]?.[0]).toBe(bin);
  }
});
