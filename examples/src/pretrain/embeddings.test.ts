import { describe, expect, it } from "vitest";
import { leadingFactors, normaliseRows, positiveMutualInformation, sinusoidalPositions } from "./embeddings.js";

describe("positiveMutualInformation", () => {
  it("agrees with a computation by hand for two tokens that always stand together", () => {
    // Counts: (0,1) and (1,0) once each in two sequences, so total 4, both marginals 2, and contexts of 1/2 each.
    const matrix = positiveMutualInformation(
      [
        [0, 1],
        [1, 0],
      ],
      2,
      5,
    );
    expect([...matrix.columns]).toEqual([1, 0]);
    for (const value of matrix.values) expect(value).toBeCloseTo(Math.log(2), 5);
  });

  it("has nothing for tokens that never meet", () => {
    const matrix = positiveMutualInformation(
      [
        [0, 1],
        [2, 3],
      ],
      4,
      5,
    );
    expect([...matrix.starts]).toEqual([0, 1, 2, 3, 4]);
    expect([...matrix.columns]).toEqual([1, 0, 3, 2]);
  });
});

describe("leadingFactors", () => {
  it("finds the singular vectors of a diagonal matrix, the largest first, times the roots of its values", () => {
    const matrix = {
      size: 4,
      starts: Uint32Array.of(0, 1, 2, 3, 4),
      columns: Uint32Array.of(0, 1, 2, 3),
      values: Float32Array.of(1, 9, 4, 0.5),
    };
    const factors = leadingFactors(matrix, 2, 0);
    expect(Math.abs(factors[1 * 2] ?? 0)).toBeCloseTo(3, 2);
    expect(Math.abs(factors[2 * 2 + 1] ?? 0)).toBeCloseTo(2, 2);
    expect(Math.abs(factors[0] ?? 1)).toBeLessThan(1e-2);
  });
});

describe("normaliseRows", () => {
  it("gives every row the same length and draws empty ones", () => {
    const table = normaliseRows(Float64Array.of(3, 4, 0, 0), 2, 0.05, 0);
    expect(Math.hypot(table[0] ?? 0, table[1] ?? 0)).toBeCloseTo(0.05 * Math.SQRT2, 6);
    expect(table[2]).not.toBe(0);
  });
});

describe("sinusoidalPositions", () => {
  it("starts with sine 0 and cosine 1", () => {
    const [sine, cosine] = sinusoidalPositions(2, 4, 0.1);
    expect(sine).toBe(0);
    expect(cosine).toBeCloseTo(0.1 * Math.SQRT2, 6);
  });
});
