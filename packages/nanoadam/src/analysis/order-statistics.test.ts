import fc from "fast-check";
import { expect, test } from "vitest";
import { pair } from "../testing/random-entries.js";
import { numberOf } from "./magnitudes.js";
import { countOf, cutsAt, tiePart } from "./order-statistics.js";

test("a cut is the magnitude that sorting has at its rank, with as many below it and as many equal", () => {
  fc.assert(
    fc.property(
      fc.array(pair, { minLength: 1, maxLength: 3 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (pairs, place) => {
        const parts = pairs.map(({ weights }) => weights);
        const sorted = parts.flatMap((part) => Array.from(part, Math.abs)).sort((a, b) => a - b);
        const rank = Math.floor(place * sorted.length);
        const [cut, first] = cutsAt(() => parts, [rank, 0]);
        const expected = sorted[rank] ?? Number.NaN;
        expect(numberOf(cut?.bits ?? -1)).toBe(expected);
        expect(cut?.below).toBe(sorted.filter((size) => size < expected).length);
        expect(cut?.equal).toBe(sorted.filter((size) => size === expected).length);
        expect(numberOf(first?.bits ?? -1)).toBe(sorted[0]);
      },
    ),
  );
});

test.each([
  ["gathered", 15_000],
  ["counted where they are, if there are very many,", 600_000],
])("in the buckets of the ranks numbers are %s and give the cuts that sorting has", (_, length) => {
  const part = Float32Array.from({ length }, (_, i) => Math.fround(2 + Math.abs(Math.sin(i * 12.9898)) / 128));
  const parts = [part, part.toReversed(), Float32Array.of(1, -7)];
  const sorted = Float32Array.from(
    parts.flatMap((each) => [...each]),
    Math.abs,
  ).sort();
  const ranks = [0, 1, 399, length, 2 * length - 1, 2 * length + 1];
  const cuts = cutsAt(() => parts, ranks);
  for (const [place, rank] of ranks.entries()) {
    const size = sorted[rank] ?? Number.NaN;
    expect(numberOf(cuts[place]?.bits ?? -1)).toBe(size);
    const below = sorted.indexOf(size);
    expect(cuts[place]).toMatchObject({ below, equal: sorted.lastIndexOf(size) - below + 1 });
  }
});

test("ties at a bound make up what is missing to its count", () => {
  const values = Float32Array.of(1, 2, -2, 2, 3);
  const [cut] = cutsAt(() => [values], [2]);
  expect(cut).toMatchObject({ below: 1, equal: 3 });
  if (cut !== undefined) {
    expect(tiePart(cut, "smallest", 3, values.length)).toBeCloseTo(2 / 3);
    expect(tiePart(cut, "largest", 3, values.length)).toBeCloseTo(2 / 3);
  }
});

test("a share is at least one entry, and rounded up as a selection is", () => {
  expect([countOf(1e-5, 100), countOf(0.1, 100), countOf(0.101, 100), countOf(1, 7)]).toEqual([1, 10, 11, 7]);
});

test("a rank that there is not is refused", () => {
  expect(() => cutsAt(() => [Float32Array.of(1)], [1])).toThrow(RangeError);
  expect(() => cutsAt(() => [Float32Array.of(1)], [-1])).toThrow(RangeError);
});
