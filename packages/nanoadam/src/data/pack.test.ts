import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planRows } from "./pack.js";

describe("rows of several examples", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 });
  const options = fc.record({
    capacity: fc.integer({ min: 1, max: 50 }),
    seed: fc.nat(),
    window: fc.integer({ min: 1, max: 80 }),
  });

  test("have every example once, are no larger than they may be, and are the same for the same seed", () => {
    fc.assert(
      fc.property(sizes, options, (all, given) => {
        const rows = planRows(all, given);
        expect(rows.flat().sort((a, b) => a - b)).toEqual(all.map((_, index) => index));
        for (const row of rows) {
          const total = row.reduce((sum, index) => sum + (all[index] ?? 0), 0);
          expect(row.length === 1 || total <= given.capacity).toBe(true);
        }
        expect(planRows(all, given)).toEqual(rows);
      }),
    );
  });

  test("are as few as first-fit decreasing makes them: at most 11 / 9 of what is needed, and one", () => {
    fc.assert(
      fc.property(sizes, (all) => {
        const needed = Math.ceil(all.reduce((sum, size) => sum + size, 0) / 40);
        // No two rows of the result would fit into one.
        const totals = planRows(all, { capacity: 40, seed: 1 }).map((row) =>
          row.reduce((sum, index) => sum + (all[index] ?? 0), 0),
        );
        const [least = 0, next = 40] = totals.toSorted((a, b) => a - b);
        expect(least + next).toBeGreaterThan(totals.length > 1 ? 40 : 0);
        expect(totals.length).toBeLessThanOrEqual(2 * needed);
      }),
    );
  });

  test("are others for another seed, and within windows of other examples", () => {
    const equal = new Array<number>(64).fill(1);
    expect(planRows(equal, { capacity: 4, seed: 1 })).not.toEqual(planRows(equal, { capacity: 4, seed: 2 }));
    expect(planRows([3, 1, 3, 1], { capacity: 4, seed: 0, window: 1 })).toHaveLength(4);
    expect(planRows([3, 1, 3, 1], { capacity: 4, seed: 0 })).toHaveLength(2);
  });
});
