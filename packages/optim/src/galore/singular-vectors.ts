/**
 * The leading singular vectors of a matrix, on its short side, without its whole decomposition.
 *
 * They are the leading eigenvectors of the Gram matrix of the short side. A small Gram matrix is diagonalised outright by
 * Jacobi rotations. Of a large one a subspace somewhat wider than asked for is multiplied by the matrix again and again,
 * which turns it towards the leading eigenvectors (block power iteration); inside the subspace the problem is a small one,
 * solved by rotations again (Rayleigh and Ritz). Signs are fixed, and the start of the iteration is either given or always
 * the same, so that equal inputs give equal results.
 */

import { mixKeys } from "../random.js";
import { rowProduct } from "./row-product.js";

/** Gram matrices up to this size are diagonalised whole. */
const largestDirect = 160;
const mostRounds = 12;
const powersPerRound = 2;
/** A round's eigenvectors are taken when `|C v - value v|` is below this fraction of the largest eigenvalue. */
const residualTolerance = 1e-6;

/**
 * @param matrix row-major [rows, columns], finite
 * @param rank how many vectors, at most the short side
 * @param start vectors near those wanted, such as an earlier result: [rank, short side]
 * @returns row-major [rank, short side], orthonormal, by falling singular value: right singular vectors where there are at
 *   least as many rows as columns, else left ones. The largest component of each is positive (the first of equals).
 */
export function leadingSingularVectors(
  matrix: Float32Array,
  rows: number,
  columns: number,
  rank: number,
  start?: Float32Array,
): Float32Array {
  const size = Math.min(rows, columns);
  const gram = rows >= columns ? gramOfColumns(matrix, rows, columns) : gramOfRows(matrix, rows, columns);
  const vectors =
    size <= largestDirect ? symmetricEigenvectors(gram, size) : subspaceIteration(gram, size, rank, start);
  const leading = Float32Array.from(vectors.subarray(0, rank * size));
  for (let vector = 0; vector < rank; vector++) fixSign(leading.subarray(vector * size, (vector + 1) * size));
  return leading;
}

/** `matrix * matrix^T`: [rows, rows]. */
function gramOfRows(matrix: Float32Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) {
        sum += (matrix[i * columns + k] as number) * (matrix[j * columns + k] as number);
      }
      gram[i * rows + j] = sum;
      gram[j * rows + i] = sum;
    }
  }
  return gram;
}

/** `matrix^T * matrix`: [columns, columns]. Rows of zeros, as of tokens that a batch lacks, cost nothing. */
function gramOfColumns(matrix: Float32Array, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(columns * columns);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    for (let i = 0; i < columns; i++) {
      const factor = matrix[from + i] as number;
      if (factor === 0) continue;
      for (let j = 0; j <= i; j++) {
        gram[i * columns + j] = (gram[i * columns + j] as number) + factor * (matrix[from + j] as number);
      }
    }
  }
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < i; j++) gram[j * columns + i] = gram[i * columns + j] as number;
  }
  return gram;
}

/**
 * All eigenvectors of a symmetric matrix by cyclic Jacobi rotations, in rows, by falling eigenvalue. The matrix is used up:
 * its diagonal ends as the eigenvalues, in the same order.
 */
export function symmetricEigenvectors(matrix: Float64Array, size: number): Float64Array {
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  const mostSweeps = 40;
  for (let sweep = 0; sweep < mostSweeps && !isDiagonal(matrix, size); sweep++) {
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) rotate(matrix, vectors, size, p, q);
    }
  }
  return sortByEigenvalue(matrix, vectors, size);
}

function isDiagonal(matrix: Float64Array, size: number): boolean {
  let [onDiagonal, offDiagonal] = [0, 0];
  for (let i = 0; i < size; i++) {
    onDiagonal += (matrix[i * size + i] as number) ** 2;
    for (let j = 0; j < i; j++) offDiagonal += (matrix[i * size + j] as number) ** 2;
  }
  return offDiagonal <= 1e-28 * onDiagonal;
}

/** Turns the plane of rows `p` and `q` so that their common entry becomes 0. */
function rotate(matrix: Float64Array, vectors: Float64Array, size: number, p: number, q: number): void {
  const common = matrix[p * size + q] as number;
  if (common === 0) return;
  const [atP, atQ] = [matrix[p * size + p] as number, matrix[q * size + q] as number];
  const ratio = (atQ - atP) / (2 * common);
  const tangent = (ratio < 0 ? -1 : 1) / (Math.abs(ratio) + Math.sqrt(ratio * ratio + 1));
  const cosine = 1 / Math.sqrt(tangent * tangent + 1);
  const sine = tangent * cosine;
  for (let k = 0; k < size; k++) {
    const [kp, kq] = [matrix[p * size + k] as number, matrix[q * size + k] as number];
    matrix[p * size + k] = cosine * kp - sine * kq;
    matrix[q * size + k] = sine * kp + cosine * kq;
    const [vp, vq] = [vectors[p * size + k] as number, vectors[q * size + k] as number];
    vectors[p * size + k] = cosine * vp - sine * vq;
    vectors[q * size + k] = sine * vp + cosine * vq;
  }
  for (let k = 0; k < size; k++) {
    matrix[k * size + p] = matrix[p * size + k] as number;
    matrix[k * size + q] = matrix[q * size + k] as number;
  }
  matrix[p * size + p] = atP - tangent * common;
  matrix[q * size + q] = atQ + tangent * common;
  matrix[p * size + q] = 0;
  matrix[q * size + p] = 0;
}

function sortByEigenvalue(matrix: Float64Array, vectors: Float64Array, size: number): Float64Array {
  const values = Float64Array.from({ length: size }, (_, index) => matrix[index * size + index] as number);
  const order = [...values.keys()].sort((a, b) => (values[b] as number) - (values[a] as number));
  const sorted = new Float64Array(size * size);
  order.forEach((from, to) => {
    sorted.set(vectors.subarray(from * size, (from + 1) * size), to * size);
    matrix[to * size + to] = values[from] as number;
  });
  return sorted;
}

/** The leading `rank` eigenvectors of a symmetric matrix without negative eigenvalues, in rows. */
function subspaceIteration(matrix: Float64Array, size: number, rank: number, start?: Float32Array): Float64Array {
  const width = Math.min(size, rank + Math.max(8, rank >> 2));
  let vectors: Float64Array = Float64Array.from({ length: width * size }, (_, index) => mixKeys(index) / 2 ** 32 - 0.5);
  if (start !== undefined) vectors.set(start);
  orthonormalise(vectors, width, size);
  for (let round = 0; ; round++) {
    for (let power = 0; power < powersPerRound; power++) {
      vectors = multiply(vectors, width, matrix, size);
      orthonormalise(vectors, width, size);
    }
    const images = multiply(vectors, width, matrix, size);
    const small = products(vectors, images, width, size);
    const turned = symmetricEigenvectors(small, width);
    vectors = multiply(turned, width, vectors, size);
    if (round + 1 === mostRounds) return vectors;
    const turnedImages = multiply(turned, width, images, size);
    if (largestResidual(vectors, turnedImages, small, rank, width, size) < residualTolerance) return vectors;
  }
}

/** `left * right` of [rows, inner] and [inner, columns]. */
function multiply(left: Float64Array, rows: number, right: Float64Array, columns: number): Float64Array {
  const inner = left.length / rows;
  const product = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    rowProduct(left, row * inner, inner, right, product.subarray(row * columns, (row + 1) * columns));
  }
  return product;
}

/** The dot products of the rows of two [width, size] matrices: [width, width], made symmetric. */
function products(left: Float64Array, right: Float64Array, width: number, size: number): Float64Array {
  const found = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += (left[i * size + k] as number) * (right[j * size + k] as number);
      found[i * width + j] = sum;
      found[j * width + i] = sum;
    }
  }
  return found;
}

/** How far the first `rank` vectors are from being eigenvectors, as a fraction of the largest eigenvalue. */
function largestResidual(
  vectors: Float64Array,
  images: Float64Array,
  eigenvalues: Float64Array,
  rank: number,
  width: number,
  size: number,
): number {
  const scale = Math.max(eigenvalues[0] as number, Number.MIN_VALUE);
  let largest = 0;
  for (let vector = 0; vector < rank; vector++) {
    const eigenvalue = eigenvalues[vector * width + vector] as number;
    let sum = 0;
    for (let k = 0; k < size; k++) {
      sum += ((images[vector * size + k] as number) - eigenvalue * (vectors[vector * size + k] as number)) ** 2;
    }
    largest = Math.max(largest, Math.sqrt(sum) / scale);
  }
  return largest;
}

/**
 * Makes rows orthonormal in place, each against those before it, twice over for the sake of rounding. A row that lies in the
 * span of those before is replaced by one that does not.
 */
function orthonormalise(vectors: Float64Array, width: number, size: number): void {
  for (let vector = 0; vector < width; vector++) {
    const row = vectors.subarray(vector * size, (vector + 1) * size);
    for (let attempt = 0; ; attempt++) {
      const before = norm(row);
      for (let pass = 0; pass < 2; pass++) {
        for (let other = 0; other < vector; other++) removeComponent(row, vectors, other * size);
      }
      const after = norm(row);
      if (after > 1e-10 * before && after > 0) {
        for (let k = 0; k < size; k++) row[k] = (row[k] as number) / after;
        break;
      }
      for (let k = 0; k < size; k++) row[k] = mixKeys(vector, attempt, k) / 2 ** 32 - 0.5;
    }
  }
}

function removeComponent(row: Float64Array, vectors: Float64Array, from: number): void {
  let sum = 0;
  for (let k = 0; k < row.length; k++) sum += (row[k] as number) * (vectors[from + k] as number);
  for (let k = 0; k < row.length; k++) row[k] = (row[k] as number) - sum * (vectors[from + k] as number);
}

function norm(row: Float64Array): number {
  let sum = 0;
  for (const value of row) sum += value * value;
  return Math.sqrt(sum);
}

function fixSign(vector: Float32Array): void {
  let largest = 0;
  for (const value of vector) if (Math.abs(value) > Math.abs(largest)) largest = value;
  if (largest < 0) for (let k = 0; k < vector.length; k++) vector[k] = -(vector[k] as number);
}
