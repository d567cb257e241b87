import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collate, planBatches } from "./batches.js";

describe("planned batches", () => {
  const anyLengths = fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 300 });
  const anyShuffle = fc.option(fc.record({ seed: fc.nat(), epoch: fc.nat(10) }), { nil: undefined });

  test("hold every example once, are never too large, and are padded to a multiple of eight or to the maximum", () => {
    fc.assert(
      fc.property(anyLengths, fc.integer({ min: 1, max: 9 }), anyShuffle, (lengths, batchSize, shuffle) => {
        const plans = planBatches(lengths, { batchSize, shuffle, maxLength: 100 });
        const used = plans.flatMap(({ indices }) => indices).sort((a, b) => a - b);
        expect(used).toEqual(lengths.map((_, index) => index));
        expect(plans).toHaveLength(Math.ceil(lengths.length / batchSize));
        for (const { indices, length } of plans) {
          const longest = Math.max(...indices.map((index) => lengths[index] as number));
          expect(length).toBe(Math.min(100, Math.ceil(longest / 8) * 8));
        }
        expect(planBatches(lengths, { batchSize, shuffle, maxLength: 100 })).toEqual(plans);
      }),
    );
  });

  test("differ between epochs and seeds", () => {
    const lengths = Array.from({ length: 200 }, (_, index) => 1 + (index % 60));
    const plan = (seed: number, epoch: number) => planBatches(lengths, { batchSize: 8, shuffle: { seed, epoch } });
    expect(plan(1, 1)).not.toEqual(plan(1, 0));
    expect(plan(2, 0)).not.toEqual(plan(1, 0));
  });

  test("group similar lengths, so that little is padding, and are not in order of length", () => {
    const lengths = Array.from({ length: 4000 }, (_, index) => 1 + ((index * 7919) % 120));
    const plans = planBatches(lengths, { batchSize: 16, shuffle: { seed: 3, epoch: 0 } });
    const padded = plans.reduce((sum, { indices, length }) => sum + indices.length * length, 0);
    expect(padded / lengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(1.25);
    const sequence = plans.map(({ length }) => length);
    expect(sequence).not.toEqual([...sequence].sort((a, b) => a - b));
  });

  test("without shuffling go from short to long", () => {
    const plans = planBatches([9, 1, 30, 2], { batchSize: 2, shuffle: undefined, bucketMultiple: 4 });
    expect(plans).toEqual([
      { indices: [1, 3], length: 4 },
      { indices: [0, 2], length: 32 },
    ]);
  });

  test("need a positive batch size", () => {
    expect(() => planBatches([1], { batchSize: 0, shuffle: undefined })).toThrow(RangeError);
  });
});

describe("a collated batch", () => {
  const examples = [
    { ids: [5, 6, 7], typeIds: [0, 1, 1] },
    { ids: [8], typeIds: [0] },
  ];

  test("is padded on the right", () => {
    expect(collate(examples, { indices: [1, 0], length: 4 }, 9)).toEqual({
      batchSize: 2,
      length: 4,
      inputIds: Int32Array.of(8, 9, 9, 9, 5, 6, 7, 9),
      attentionMask: Int32Array.of(1, 0, 0, 0, 1, 1, 1, 0),
      tokenTypeIds: Int32Array.of(0, 0, 0, 0, 0, 1, 1, 0),
    });
  });

  test("refuses an example that is too long or not there", () => {
    expect(() => collate(examples, { indices: [0], length: 2 }, 0)).toThrow(
      /example 0 does not fit a batch of 2 tokens/,
    );
    expect(() => collate(examples, { indices: [2], length: 2 }, 0)).toThrow(RangeError);
  });
});
