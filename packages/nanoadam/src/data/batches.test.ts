import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planBatches, samplings } from "./batches.js";

describe("planned batches", () => {
  const anySizes = fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 300 });
  const anyShuffle = fc.option(fc.record({ seed: fc.nat(), epoch: fc.nat(10) }), { nil: undefined });

  test("hold every example once, are never too large, and are padded to a multiple of eight or to the maximum", () => {
    const anySampling = fc.constantFrom(...samplings);
    fc.assert(
      fc.property(
        anySizes,
        fc.integer({ min: 1, max: 9 }),
        anyShuffle,
        anySampling,
        (sizes, batchSize, shuffle, sampling) => {
          const plans = planBatches(sizes, { batchSize, shuffle, sampling, maximumSize: 100 });
          const used = plans.flatMap(({ indices }) => indices).sort((a, b) => a - b);
          expect(used).toEqual(sizes.map((_, index) => index));
          expect(plans).toHaveLength(Math.ceil(sizes.length / batchSize));
          for (const { indices, size } of plans) {
            const largest = Math.max(...indices.map((index) => sizes[index] as number));
            expect(size).toBe(Math.min(100, Math.ceil(largest / 8) * 8));
          }
          expect(planBatches(sizes, { batchSize, shuffle, sampling, maximumSize: 100 })).toEqual(plans);
        },
      ),
    );
  });

  test("mix what lies together in the data, where all are of one size", () => {
    // The first half is of one class, the second of another.
    const batches = planBatches(new Array(640).fill(1024), { batchSize: 32, shuffle: { seed: 3, epoch: 0 } });
    for (const { indices } of batches) {
      const ofFirst = indices.filter((index) => index < 320).length;
      expect(ofFirst).toBeGreaterThan(6);
      expect(ofFirst).toBeLessThan(26);
    }
  });

  test("differ between epochs and seeds", () => {
    const sizes = Array.from({ length: 200 }, (_, index) => 1 + (index % 60));
    const plan = (seed: number, epoch: number) => planBatches(sizes, { batchSize: 8, shuffle: { seed, epoch } });
    expect(plan(1, 1)).not.toEqual(plan(1, 0));
    expect(plan(2, 0)).not.toEqual(plan(1, 0));
  });

  test("group similar sizes, so that little is padding, and are not in order of size", () => {
    const sizes = Array.from({ length: 4000 }, (_, index) => 1 + ((index * 7919) % 120));
    const plans = planBatches(sizes, { batchSize: 16, shuffle: { seed: 3, epoch: 0 } });
    const padded = plans.reduce((sum, { indices, size }) => sum + indices.length * size, 0);
    expect(padded / sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1.25);
    const sequence = plans.map(({ size }) => size);
    expect(sequence).not.toEqual([...sequence].sort((a, b) => a - b));
  });

  test("are as chance has it where that is asked for: each of the order's next examples", () => {
    const sizes = Array.from({ length: 256 }, (_, index) => 1 + (index % 64));
    const spread = (sampling: "by-length" | "random") =>
      planBatches(sizes, { batchSize: 8, sampling, shuffle: { seed: 3, epoch: 0 } }).reduce((sum, { indices }) => {
        const own = indices.map((index) => sizes[index] as number);
        return sum + Math.max(...own) - Math.min(...own);
      }, 0) / 32;
    expect(spread("by-length")).toBeLessThan(16);
    expect(spread("random")).toBeGreaterThan(40);
  });

  test("without shuffling go from small to large", () => {
    const plans = planBatches([9, 1, 30, 2], { batchSize: 2, shuffle: undefined, bucketMultiple: 4 });
    expect(plans).toEqual([
      { indices: [1, 3], size: 4 },
      { indices: [0, 2], size: 32 },
    ]);
  });

  test("need a positive batch size", () => {
    expect(() => planBatches([1], { batchSize: 0, shuffle: undefined })).toThrow(RangeError);
  });
});
