import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  accuracy,
  averageRanks,
  f1,
  macroF1,
  matthewsCorrelation,
  pearsonCorrelation,
  spearmanCorrelation,
} from "./metrics.js";

// TP 3, FN 1, FP 2, TN 4.
const targets = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0];
const predictions = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0];

describe("values computed by hand", () => {
  test("accuracy and F1", () => {
    expect(accuracy(predictions, targets)).toBe(0.7);
    expect(f1(predictions, targets)).toBeCloseTo(6 / 9, 12);
    expect(macroF1(predictions, targets)).toBeCloseTo((6 / 9 + 8 / 11) / 2, 12);
    expect(macroF1([0, 1, 2], [0, 1, 1])).toBeCloseTo((1 + 2 / 3 + 0) / 3, 12);
  });

  test("Matthews correlation of two and of three classes", () => {
    expect(matthewsCorrelation(predictions, targets)).toBeCloseTo((3 * 4 - 2 * 1) / Math.sqrt(5 * 4 * 6 * 5), 12);
    // n 6, c 4, predicted 2 2 2, present 3 2 1: (4 * 6 - 12) / sqrt((36 - 12) (36 - 14)).
    expect(matthewsCorrelation([0, 0, 1, 1, 2, 2], [0, 0, 1, 0, 2, 1])).toBeCloseTo(12 / Math.sqrt(24 * 22), 12);
  });

  test("Pearson and Spearman correlation", () => {
    expect(pearsonCorrelation([1, 2, 3, 4], [1, 3, 2, 5])).toBeCloseTo(5.5 / Math.sqrt(5 * 8.75), 12);
    expect(spearmanCorrelation([1, 2, 3, 4], [1, 3, 2, 5])).toBeCloseTo(0.8, 12);
    expect([...averageRanks([10, 20, 10, 30, 20, 20])]).toEqual([1.5, 4, 1.5, 6, 4, 4]);
    // Ranks 1 2.5 2.5 4 against 1 2 3 4: covariance 4.5, squares 4.5 and 5.
    expect(spearmanCorrelation([1, 2, 2, 9], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12);
  });
});

describe("degenerate cases", () => {
  test("are 0 where the denominator is", () => {
    expect(f1([0, 0], [0, 0])).toBe(0);
    expect(matthewsCorrelation([1, 1, 1], [1, 0, 1])).toBe(0);
    expect(matthewsCorrelation([1, 1], [1, 1])).toBe(0);
    expect(pearsonCorrelation([0.1, 0.1, 0.1], [1, 2, 3])).toBe(0);
    expect(spearmanCorrelation([1, 2, 3], [7, 7, 7])).toBe(0);
  });

  test("no pairs, or unequal numbers, are refused", () => {
    for (const metric of [accuracy, f1, macroF1, matthewsCorrelation, pearsonCorrelation, spearmanCorrelation]) {
      expect(() => metric([], [])).toThrow(RangeError);
      expect(() => metric([1], [1, 2])).toThrow(RangeError);
    }
  });
});

describe("properties", () => {
  const classPairs = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 40 });
  const numberPairs = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 })), {
    minLength: 2,
    maxLength: 40,
  });

  test("metrics stay within their bounds and a perfect prediction has accuracy and macro F1 of 1", () => {
    fc.assert(
      fc.property(classPairs, (pairs) => {
        const [left, right] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
        expect(Math.abs(matthewsCorrelation(left, right))).toBeLessThanOrEqual(1);
        expect(matthewsCorrelation(left, right)).toBeCloseTo(matthewsCorrelation(right, left), 12);
        expect(macroF1(left, right)).toBeLessThanOrEqual(1);
        expect([accuracy(right, right), macroF1(right, right)]).toEqual([1, 1]);
        if (new Set(right).size > 1) expect(matthewsCorrelation(right, right)).toBeCloseTo(1, 12);
      }),
    );
  });

  test("with two classes the Matthews correlation is the Pearson correlation of the ids", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1), fc.nat(1)), { minLength: 1 }), (pairs) => {
        const [left, right] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
        expect(matthewsCorrelation(left, right)).toBeCloseTo(pearsonCorrelation(left, right), 10);
      }),
    );
  });

  test("Pearson ignores scale and offset, Spearman any increasing function", () => {
    fc.assert(
      fc.property(numberPairs, (pairs) => {
        const [left, right] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
        const scaled = left.map((value) => 3 * value - 7);
        expect(pearsonCorrelation(scaled, right)).toBeCloseTo(pearsonCorrelation(left, right), 10);
        const cubed = left.map((value) => value ** 3);
        expect(spearmanCorrelation(cubed, right)).toBeCloseTo(spearmanCorrelation(left, right), 10);
        const reversed = right.map((value) => -value);
        expect(spearmanCorrelation(left, reversed)).toBeCloseTo(-spearmanCorrelation(left, right), 10);
      }),
    );
  });
});
