/**
 * Token embeddings before any training: words that occur among the same neighbours get near vectors. Counts of
 * neighbours become positive pointwise mutual information (PPMI), and the embedding is its truncated singular value
 * decomposition (Levy and Goldberg 2014), found by randomised subspace iteration (Halko et al. 2011). From random
 * embeddings a small model stays on the plateau of word frequencies for long; from these it does not.
 */
import { normal } from "@nanoadam/engine";

/** A sparse matrix by rows: entries of row i are at positions starts[i] .. starts[i + 1]. */
export interface SparseMatrix {
  readonly size: number;
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float32Array;
}

const smoothing = 0.75;

/** PPMI of the tokens of sequences, neighbours up to `window` apart weighted by 1 / distance. */
export function positiveMutualInformation(
  sequences: Iterable<ArrayLike<number>>,
  size: number,
  window: number,
): SparseMatrix {
  const rows = Array.from({ length: size }, () => new Map<number, number>());
  for (const tokens of sequences) {
    for (let i = 0; i < tokens.length; i++) {
      for (let j = i + 1; j <= Math.min(i + window, tokens.length - 1); j++) {
        const [a, b, weight] = [tokens[i] ?? 0, tokens[j] ?? 0, 1 / (j - i)];
        rows[a]?.set(b, (rows[a]?.get(b) ?? 0) + weight);
        rows[b]?.set(a, (rows[b]?.get(a) ?? 0) + weight);
      }
    }
  }
  const sums = rows.map((row) => [...row.values()].reduce((sum, count) => sum + count, 0));
  const total = sums.reduce((sum, count) => sum + count, 0);
  const contextTotal = sums.reduce((sum, count) => sum + count ** smoothing, 0);
  const starts = new Uint32Array(size + 1);
  const columns: number[] = [];
  const values: number[] = [];
  rows.forEach((row, i) => {
    for (const [j, count] of row) {
      const expected = (((sums[i] ?? 0) / total) * (sums[j] ?? 0) ** smoothing) / contextTotal;
      const information = Math.log(count / total / expected);
      if (information <= 0) continue;
      columns.push(j);
      values.push(information);
    }
    starts[i + 1] = columns.length;
  });
  return { size, starts, columns: Uint32Array.from(columns), values: Float32Array.from(values) };
}

/** y = M x, or M^T x, for x of `width` columns, row-major. */
function product({ size, starts, columns, values }: SparseMatrix, x: Float64Array, width: number, transposed: boolean) {
  const y = new Float64Array(size * width);
  for (let row = 0; row < size; row++) {
    for (let position = starts[row] ?? 0; position < (starts[row + 1] ?? 0); position++) {
      const value = values[position] ?? 0;
      const column = columns[position] ?? 0;
      const [to, from] = transposed ? [column * width, row * width] : [row * width, column * width];
      for (let k = 0; k < width; k++) y[to + k] = (y[to + k] ?? 0) + value * (x[from + k] ?? 0);
    }
  }
  return y;
}

/** Makes the columns of x orthonormal, by Gram-Schmidt done twice; returns their lengths before. */
function orthonormalise(x: Float64Array, size: number, width: number): Float64Array {
  const lengths = new Float64Array(width);
  const dot = (a: number, b: number) => {
    let sum = 0;
    for (let row = 0; row < size; row++) sum += (x[row * width + a] ?? 0) * (x[row * width + b] ?? 0);
    return sum;
  };
  for (let column = 0; column < width; column++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < column; other++) {
        const share = dot(other, column);
        for (let row = 0; row < size; row++) {
          x[row * width + column] = (x[row * width + column] ?? 0) - share * (x[row * width + other] ?? 0);
        }
      }
    }
    const length = Math.sqrt(dot(column, column)) || 1;
    lengths[column] = length;
    for (let row = 0; row < size; row++) x[row * width + column] = (x[row * width + column] ?? 0) / length;
  }
  return lengths;
}

const iterations = 6;

/**
 * The leading left singular vectors of a matrix times the square roots of their values: [size, width], row-major, sorted by
 * value since subspace iteration with Gram-Schmidt orders them.
 */
export function leadingFactors(matrix: SparseMatrix, width: number, seed: number): Float64Array {
  const { size } = matrix;
  let basis = Float64Array.from({ length: size * width }, (_, i) => normal({ seed, step: 0, site: 1 }, i));
  let lengths = orthonormalise(basis, size, width);
  for (let iteration = 0; iteration < iterations; iteration++) {
    basis = product(matrix, product(matrix, basis, width, true), width, false);
    lengths = orthonormalise(basis, size, width);
  }
  // After the last product the lengths estimate the squared singular values.
  return basis.map((value, i) => value * (lengths[i % width] ?? 0) ** 0.25);
}

/** Scales each row to the same length, so that the entries have the given standard deviation; empty rows are drawn. */
export function normaliseRows(factors: Float64Array, width: number, deviation: number, seed: number): Float32Array {
  const table = new Float32Array(factors.length);
  for (let row = 0; row < factors.length / width; row++) {
    const own = factors.subarray(row * width, (row + 1) * width);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    for (let k = 0; k < width; k++) {
      const entry = row * width + k;
      table[entry] =
        length < 1e-9
          ? deviation * normal({ seed, step: 0, site: 2 }, entry)
          : ((own[k] ?? 0) / length) * deviation * Math.sqrt(width);
    }
  }
  return table;
}

/** Sines and cosines of each position at geometrically spaced wavelengths (Vaswani et al. 2017), scaled. */
export function sinusoidalPositions(positions: number, width: number, scale: number): Float32Array {
  return Float32Array.from({ length: positions * width }, (_, entry) => {
    const [position, k] = [Math.floor(entry / width), entry % width];
    const angle = position / 10_000 ** ((2 * Math.floor(k / 2)) / width);
    return scale * Math.SQRT2 * (k % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
  });
}
