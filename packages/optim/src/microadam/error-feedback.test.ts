import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PackedError } from "./error-feedback.js";

describe("PackedError", () => {
  it("is 0 before anything is stored", () => {
    const out = new Float32Array(5).fill(1);
    new PackedError(5, 4).widen(0, 5, out);
    expect(out).toEqual(new Float32Array(5));
  });

  it("keeps the ends of a bucket exactly and everything between within half a step", () => {
    const values = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, fc.constantFrom(2, 4, 16), (numbers, bucketSize) => {
        const stored = Float32Array.from(numbers);
        const error = new PackedError(stored.length, bucketSize);
        error.narrow(0, stored.length, stored);
        const out = new Float32Array(stored.length);
        error.widen(0, stored.length, out);
        for (let from = 0; from < stored.length; from += bucketSize) {
          const bucket = stored.subarray(from, from + bucketSize);
          const range = Math.max(...bucket) - Math.min(...bucket);
          bucket.forEach((value, index) => {
            expect(Math.abs((out[from + index] as number) - value)).toBeLessThanOrEqual(range / 30 + 1e-4);
          });
        }
      }),
    );
  });

  it("stores a stretch without touching its neighbours", () => {
    const error = new PackedError(12, 4);
    error.narrow(
      0,
      12,
      Float32Array.from({ length: 12 }, (_, index) => index),
    );
    error.narrow(4, 4, new Float32Array(4).fill(7));
    const out = new Float32Array(12);
    error.widen(0, 12, out);
    expect([...out].map((value) => Math.round(value * 100) / 100)).toEqual([0, 1, 2, 3, 7, 7, 7, 7, 8, 9, 10, 11]);
  });

  it("takes half a byte an entry and eight bytes a bucket", () => {
    expect(new PackedError(1280, 64).bytes()).toBe(640 + 20 * 8);
  });
});
