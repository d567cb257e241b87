/** What an adapter does to a layer's weight: it adds `scale * up * down`, of which only the two thin matrices are held. */
export interface LowRankProduct {
  /** [outputs, rank], row-major. */
  readonly up: Float32Array;
  /** [rank, inputs], row-major. */
  readonly down: Float32Array;
  readonly rank: number;
  readonly scale: number;
  /** What the rows of the sum are multiplied by (DoRA). */
  readonly rowFactors?: Float32Array;
}

/**
 * Adds the product's entries, in row-major order from flat entry `start` on, to `values`, and multiplies the sums by their rows'
 * factors. Each is summed in float64, whatever the range, and rounded once.
 */
export function addProduct(values: Float32Array, start: number, product: LowRankProduct): void {
  const { up, down, rank, scale, rowFactors } = product;
  const inputs = down.length / rank;
  const sums = new Float64Array(inputs);
  for (let done = 0; done < values.length; ) {
    const output = Math.floor((start + done) / inputs);
    const column = (start + done) % inputs;
    const width = Math.min(inputs - column, values.length - done);
    sums.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = up[output * rank + r] as number;
      const row = r * inputs + column;
      for (let i = 0; i < width; i++) sums[i] = (sums[i] as number) + factor * (down[row + i] as number);
    }
    const rowFactor = rowFactors?.[output] ?? 1;
    for (let i = 0; i < width; i++) {
      values[done + i] = rowFactor * ((values[done + i] as number) + scale * (sums[i] as number));
    }
    done += width;
  }
}

/**
 * The factors that bring each row of the sum to its length.
 * @param lengths one of each row
 * @param readRow fills its second argument with a row of what the product is added to
 */
export async function rowFactorsOf(
  product: LowRankProduct,
  lengths: Float32Array,
  readRow: (row: number, target: Float32Array) => Promise<void> | void,
): Promise<Float32Array> {
  const sums = new Float32Array(product.down.length / product.rank);
  const rowFactors = new Float32Array(lengths.length);
  for (const [row, length] of lengths.entries()) {
    await readRow(row, sums);
    addProduct(sums, row * sums.length, product);
    rowFactors[row] = length / Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0));
  }
  return rowFactors;
}
