import fc from "fast-check";
import { expect, test } from "vitest";
import { membership, pair } from "../testing/random-entries.js";
import { addChanges, changeOf, changeRecord } from "./change.js";
import { countOf } from "./order-statistics.js";

test("groups by the starting magnitude have the mean changes that sorting gives; shift and share are of all entries", () => {
  fc.assert(
    fc.property(pair, ({ weights: before, gradient }) => {
      const now = before.map((value, i) => value + 1e-3 * (gradient[i] ?? 0));
      const found = changeRecord(changeOf(before, now));
      const small = membership(before, countOf(0.3, before.length), "smallest");
      const notLarge = membership(before, countOf(0.7, before.length), "smallest");
      const moved = Array.from(before, (value, i) => Math.abs((now[i] ?? 0) - value));
      const meanOf = (part: (i: number) => number) => {
        const parts = moved.map((_, i) => part(i));
        const all = parts.reduce((sum, each) => sum + each, 0);
        return all < 1e-9 ? 0 : moved.reduce((sum, each, i) => sum + each * (parts[i] ?? 0), 0) / all;
      };
      const close = (value: number, expected: number) =>
        expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-5 * Math.max(1e-6, expected));
      close(
        found.smallest,
        meanOf((i) => small[i] ?? 0),
      );
      if (before.length >= 3) {
        close(
          found.middle,
          meanOf((i) => (notLarge[i] ?? 0) - (small[i] ?? 0)),
        );
        close(
          found.largest,
          meanOf((i) => 1 - (notLarge[i] ?? 0)),
        );
      }
      close(found.shift, Math.hypot(...moved));
      expect(found.changed).toBeCloseTo(moved.filter((each) => each !== 0).length / moved.length);
    }),
  );
});

test("tensors add up, each split by itself", () => {
  const a = changeOf(Float32Array.of(1, 2, 3, 4), Float32Array.of(2, 2, 3, 4));
  const b = changeOf(Float32Array.of(10, 20, 30, 40), Float32Array.of(10, 20, 30, 43));
  const { changed, shift, smallest, largest } = changeRecord(addChanges(a, b));
  expect([changed, shift]).toEqual([0.25, Math.sqrt(10)]);
  expect(smallest).toBeCloseTo(1 / 4);
  expect(largest).toBeCloseTo(3 / 2);
});
