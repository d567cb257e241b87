import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addEntries, gatherEntries, selectionIndices, selectSmallest } from "../index.js";

/** The definition, by sorting: in each chunk the k entries of smallest magnitude, ties to the lower index. */
function smallestBySorting(values: Float32Array, density: number, chunkSize: number): number[] {
  const chosen: number[] = [];
  for (let start = 0; start < values.length; start += chunkSize) {
    const chunk = Array.from(values.subarray(start, start + chunkSize), (value, offset) => ({
      magnitude: Math.abs(value),
      entry: start + offset,
    }));
    const count = Math.max(1, Math.ceil(density * chunk.length - 1e-9));
    chunk.sort((a, b) => a.magnitude - b.magnitude || a.entry - b.entry);
    chosen.push(
      ...chunk
        .slice(0, count)
        .map(({ entry }) => entry)
        .sort((a, b) => a - b),
    );
  }
  return chosen;
}

function smallest(values: Float32Array, density: number, chunkSize?: number): number[] {
  return [...selectionIndices(selectSmallest(values, { density, chunkSize }))];
}

const density = fc.double({ min: 1e-6, max: 1, noNaN: true });
const chunkSize = fc.integer({ min: 1, max: 50 });
const finiteValues = fc.float32Array({ noNaN: true, noDefaultInfinity: true, maxLength: 200 });
/** Few distinct magnitudes, so that most entries tie: zeros of both signs, denormals, neighbours in the last bit. */
const tiedValues = fc
  .array(fc.constantFrom(0, -0, 1e-45, -1e-45, 1.1e-38, 1, -1, 1 + 2 ** -23, 1 + 2 ** -13, -3.4e38), { maxLength: 200 })
  .map((values) => Float32Array.from(values));

describe("selectSmallest", () => {
  it("is the bottom-k of a sort in every chunk", () => {
    fc.assert(
      fc.property(fc.oneof(finiteValues, tiedValues), density, chunkSize, (values, fraction, size) => {
        expect(smallest(values, fraction, size)).toEqual(smallestBySorting(values, fraction, size));
      }),
      { numRuns: 1000 },
    );
  });

  it("is so for chunks of 32,768 and 65,536 entries", () => {
    const values = Float32Array.from({ length: 150_001 }, (_, entry) => Math.sin(entry * entry) ** 3);
    for (const [fraction, size] of [
      [0.01, 32_768],
      [0.1, 65_536],
      [1e-6, 32_768],
    ] as const) {
      expect(smallest(values, fraction, size)).toEqual(smallestBySorting(values, fraction, size));
    }
    expect(smallest(values, 0.01)).toEqual(smallest(values, 0.01, 32_768));
  });

  it("is so where every 17th entry says nothing of the others", () => {
    const sampledAre = (sampled: number, others: number) =>
      Float32Array.from({ length: 20_000 }, (_, entry) => (entry % 17 === 0 ? sampled : others) * (1 + (entry % 1009)));
    for (const values of [sampledAre(1e-3, 1), sampledAre(1, 1e-3)]) {
      for (const fraction of [0.01, 0.1, 0.9, 1]) {
        expect(smallest(values, fraction, 10_000)).toEqual(smallestBySorting(values, fraction, 10_000));
      }
    }
  });

  it.each([
    ["ties go to the lower index", [2, 1, -1, 1, 3], 0.4, [1, 2]],
    ["zero and negative zero tie", [-0, 0, -0, 0], 0.5, [0, 1]],
    ["denormals are smaller than normal numbers", [1e-38, -1e-45, 0, 1], 0.5, [1, 2]],
    ["a chunk selects one entry at least", [3, 2, 1], 1e-9, [2]],
    ["rounding up forgives the rounding of the product", [5, 4, 3, 2, 1, 0, 9, 9, 9, 9], 0.1 + 0.2, [3, 4, 5]],
    ["all of them at density 1", [3, 2, 1], 1, [0, 1, 2]],
    ["none of an empty tensor", [], 0.5, []],
  ])("%s", (_, values, fraction, expected) => {
    expect(smallest(Float32Array.from(values), fraction)).toEqual(expected);
  });

  it("writes on the buffers of a previous selection of the same size, and only then", () => {
    const previous = selectSmallest(Float32Array.of(1, 2, 3, 4), { density: 0.5 });
    const next = selectSmallest(Float32Array.of(4, 3, 2, 1), { density: 0.5 }, previous);
    expect(next.offsets).toBe(previous.offsets);
    expect([...next.offsets]).toEqual([2, 3]);
    const denser = selectSmallest(Float32Array.of(4, 3, 2, 1), { density: 1 }, next);
    expect(denser.offsets).not.toBe(next.offsets);
    expect(denser.count).toBe(4);
  });

  it("works on a part of a larger buffer", () => {
    const buffer = Float32Array.of(0, 9, 1, 8);
    expect(smallest(buffer.subarray(1), 0.4)).toEqual([1, 2]);
  });

  it.each([NaN, -NaN, Infinity, -Infinity])("refuses %s and names its place", (value) => {
    const values = Float32Array.of(1, 2, 3, value, 5);
    expect(() => selectSmallest(values, { density: 0.2, chunkSize: 2, name: "layer.weight" })).toThrow(
      /entry 3 of "layer\.weight" is (NaN|-?Infinity); expected finite/,
    );
  });

  it.each([
    [{ density: 0 }, /density is 0; expected a number above 0/],
    [{ density: 1.5 }, /density is 1.5/],
    [{ density: NaN }, /density is NaN/],
    [{ density: 0.5, chunkSize: 0 }, /chunkSize is 0; expected a whole number/],
    [{ density: 0.5, chunkSize: 65_537 }, /chunkSize is 65537; expected at most 65536/],
  ])("refuses the options %o", (options, message) => {
    expect(() => selectSmallest(Float32Array.of(1), options)).toThrow(message);
  });
});

describe("packed entries", () => {
  it("gathers what flat indices would", () => {
    fc.assert(
      fc.property(finiteValues, density, chunkSize, (values, fraction, size) => {
        const selection = selectSmallest(values, { density: fraction, chunkSize: size });
        const expected = Array.from(selectionIndices(selection), (entry) => values[entry]);
        expect([...gatherEntries(values, selection)]).toEqual(expected);
      }),
    );
  });

  it("adds up micro-batches", () => {
    const selection = selectSmallest(Float32Array.of(3, 1, 2, 1), { density: 0.5, chunkSize: 2 });
    const packed = Float32Array.of(10, 20);
    addEntries(Float32Array.of(1, 2, 3, 4), selection, packed, 0.5);
    expect([...packed]).toEqual([11, 22]);
  });

  it("refuses sizes that are not the selection's", () => {
    const selection = selectSmallest(Float32Array.of(3, 1), { density: 0.5 });
    expect(() => gatherEntries(new Float32Array(3), selection)).toThrow(/3 values; expected the selection's 2/);
    expect(() => addEntries(new Float32Array(2), selection, new Float32Array(2), 1)).toThrow(/expected the .* 1/);
  });
});
