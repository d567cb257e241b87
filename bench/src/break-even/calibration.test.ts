import { expect, test } from "vitest";
import { measureBounds } from "./calibration.js";

test.each([1, 2])("on %i threads, every size gets a bound of its own, from 0 to 0.5", async (threads) => {
  const sizes = [
    { tokens: 64, rows: 48, columns: 32 },
    { tokens: 1, rows: 1, columns: 1 },
    { tokens: 3, rows: 200, columns: 400 },
  ];
  const bounds = await measureBounds(sizes, threads);
  expect(bounds).toHaveLength(sizes.length);
  for (const bound of bounds) {
    expect(bound).toBeGreaterThanOrEqual(0);
    expect(bound).toBeLessThanOrEqual(0.5);
  }
});

test("nothing is measured of no sizes", async () => {
  expect(await measureBounds([], 1)).toEqual([]);
});
