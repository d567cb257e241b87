import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { densityAt, refreshIsDue } from "../index.js";

describe("densityAt", () => {
  const schedule = { density: 0.1, finalDensity: 0.04, densityInterval: 25, totalSteps: 100 };

  it.each([
    [0, 0.1],
    [24, 0.1],
    [25, 0.085],
    [50, 0.07],
    [99, 0.055],
    [100, 0.04],
    [1000, 0.04],
  ])("at step %i of 100, every 25 from 0.1 to 0.04, is %f", (step, expected) => {
    expect(densityAt(step, schedule)).toBeCloseTo(expected, 12);
  });

  it.each([
    ["without an interval", { ...schedule, densityInterval: undefined }],
    ["with an interval above the total", { ...schedule, densityInterval: 101 }],
    ["without a final density", { ...schedule, finalDensity: undefined }],
  ])("stays as it was %s", (_, constant) => {
    expect(densityAt(99, constant)).toBe(0.1);
  });

  it("goes in half a cosine, up too, or not at all", () => {
    const at = (step: number, changed: object) => densityAt(step, { ...schedule, ...changed });
    expect([0, 25, 50, 75].map((step) => at(step, { densitySchedule: "cosine" }))).toEqual([
      0.1,
      expect.closeTo(0.1 - 0.06 * 0.1464466, 6),
      expect.closeTo(0.07, 12),
      expect.closeTo(0.04 + 0.06 * 0.1464466, 6),
    ]);
    expect(at(50, { density: 0.04, finalDensity: 0.1 })).toBeCloseTo(0.07, 12);
    expect(at(50, { densitySchedule: "constant" })).toBe(0.1);
  });

  it("never leaves the range between its ends, nor turns back", () => {
    const fraction = fc.double({ min: 0.001, max: 1, noNaN: true });
    const count = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(fraction, fraction, count, count, (density, finalDensity, densityInterval, totalSteps) => {
        let previous = density;
        for (let step = 0; step <= totalSteps; step++) {
          const now = densityAt(step, { density, finalDensity, densityInterval, totalSteps });
          expect(now).toBeGreaterThanOrEqual(Math.min(density, finalDensity) - 1e-12);
          expect(now).toBeLessThanOrEqual(Math.max(density, finalDensity) + 1e-12);
          expect((now - previous) * Math.sign(finalDensity - density)).toBeGreaterThanOrEqual(-1e-12);
          previous = now;
        }
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    [{ ...schedule, finalDensity: 0 }, /finalDensity is 0/],
    [{ ...schedule, densityInterval: 0.5 }, /densityInterval is 0.5; expected a whole number of at least 1/],
    [{ ...schedule, totalSteps: 0 }, /totalSteps is 0/],
    [{ ...schedule, densitySchedule: "square" as "linear" }, /densitySchedule is "square"; expected one of "linear"/],
  ])("refuses %o", (wrong, message) => {
    expect(() => densityAt(0, wrong)).toThrow(message);
  });
});

describe("refreshIsDue", () => {
  const dueSteps = (densityInterval: number | undefined) =>
    Array.from({ length: 10 }, (_, step) => step).filter((step) =>
      refreshIsDue(step, { density: 0.1, maskInterval: 4, densityInterval, totalSteps: 10 }),
    );

  it("is due at multiples of either interval", () => {
    expect(dueSteps(undefined)).toEqual([0, 4, 8]);
    expect(dueSteps(3)).toEqual([0, 3, 4, 6, 8, 9]);
    expect(dueSteps(11)).toEqual([0, 4, 8]);
  });
});
