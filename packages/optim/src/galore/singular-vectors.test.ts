import { describe, expect, it } from "vitest";
import { mixKeys } from "../random.js";
import { leadingSingularVectors, symmetricEigenvectors } from "./singular-vectors.js";

const random = (length: number, seed: number) =>
  Float32Array.from({ length }, (_, index) => mixKeys(seed, index) / 2 ** 32 - 0.5);

function dot(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] as number), 0);
}

/** A [rows, columns] matrix whose singular vectors are known to differ: a sum of `count` outer products, halving. */
function lowRank(rows: number, columns: number, count: number): Float32Array {
  const matrix = new Float32Array(rows * columns);
  for (let term = 0; term < count; term++) {
    const [left, right] = [random(rows, 2 * term), random(columns, 2 * term + 1)];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const index = row * columns + column;
        matrix[index] = (matrix[index] as number) + 2 ** -term * (left[row] as number) * (right[column] as number);
      }
    }
  }
  return matrix;
}

/** `|G v|` or `|v G|`: the singular value that belongs to a vector on the short side. */
function stretch(matrix: Float32Array, rows: number, columns: number, vector: Float32Array): number {
  if (rows >= columns) {
    const images = Array.from({ length: rows }, (_, row) =>
      dot(matrix.subarray(row * columns, (row + 1) * columns), vector),
    );
    return Math.hypot(...images);
  }
  const images = Array.from({ length: columns }, (_, column) =>
    vector.reduce((sum, value, row) => sum + value * (matrix[row * columns + column] as number), 0),
  );
  return Math.hypot(...images);
}

describe("symmetricEigenvectors", () => {
  it("solves a 2 x 2 matrix known by heart", () => {
    const matrix = Float64Array.of(2, 1, 1, 2);
    const vectors = symmetricEigenvectors(matrix, 2);
    expect(matrix[0]).toBeCloseTo(3, 12);
    expect(matrix[3]).toBeCloseTo(1, 12);
    expect(Math.abs(vectors[0] as number)).toBeCloseTo(Math.SQRT1_2, 12);
    expect(
      (vectors[0] as number) * (vectors[2] as number) + (vectors[1] as number) * (vectors[3] as number),
    ).toBeCloseTo(0);
  });

  it("leaves a matrix of zeros alone", () => {
    expect([...symmetricEigenvectors(new Float64Array(9), 3)]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });
});

describe.each([
  ["diagonalised whole", 40, 30],
  ["wide", 30, 40],
  ["by subspace iteration", 400, 200],
  ["by subspace iteration, wide", 200, 400],
])("leadingSingularVectors, %s", (_, rows, columns) => {
  const size = Math.min(rows, columns);
  const matrix = lowRank(rows, columns, 12);
  const rank = 6;
  const vectors = leadingSingularVectors(matrix, rows, columns, rank);
  const vector = (index: number) => vectors.subarray(index * size, (index + 1) * size);

  it("are orthonormal", () => {
    for (let i = 0; i < rank; i++) {
      for (let j = 0; j < rank; j++) expect(dot(vector(i), vector(j))).toBeCloseTo(i === j ? 1 : 0, 5);
    }
  });

  it("are eigenvectors of the Gram matrix, the largest first", () => {
    const stretches = Array.from({ length: rank }, (_each, index) => stretch(matrix, rows, columns, vector(index)));
    expect(stretches).toEqual(stretches.toSorted((a, b) => b - a));
    const values = stretches.map((each) => each ** 2);
    const total = matrix.reduce((sum, value) => sum + value * value, 0);
    const whole = leadingSingularVectors(matrix, rows, columns, Math.min(size, 12));
    const captured = Array.from({ length: 12 }, (_each, index) =>
      stretch(matrix, rows, columns, whole.subarray(index * size, (index + 1) * size)),
    ).reduce((sum, each) => sum + each ** 2, 0);
    expect(captured / total).toBeCloseTo(1, 5);
    expect(values[0]).toBeGreaterThan(0.5 * total);
  });

  it("have their largest component positive", () => {
    for (let i = 0; i < rank; i++) {
      const components = [...vector(i)];
      expect(Math.max(...components)).toBe(Math.max(...components.map(Math.abs)));
    }
  });

  it("are the same from a warm start", () => {
    const again = leadingSingularVectors(matrix, rows, columns, rank, vectors);
    again.forEach((value, index) => {
      expect(value).toBeCloseTo(vectors[index] as number, 3);
    });
  });
});

it("gives orthonormal vectors for a matrix of zeros", () => {
  const vectors = leadingSingularVectors(new Float32Array(300 * 200), 300, 200, 3);
  expect(dot(vectors.subarray(0, 200), vectors.subarray(0, 200))).toBeCloseTo(1, 5);
  expect(dot(vectors.subarray(0, 200), vectors.subarray(200, 400))).toBeCloseTo(0, 5);
});
