/** An adapter's addition to a layer's weight: `scale * up * down`, of which only the two thin matrices are held. */
export interface LowRankProduct {
  /** [outputs, rank], row-major. */
  readonly up: Float32Array;
  /** [rank, inputs], row-major. */
  readonly down: Float32Array;
  readonly rank: number;
  readonly scale: number;
}

/**
 * Adds the product's entries, in row-major order from flat entry `start` on, to `values`. Each is summed in float64, whatever
 * the range, and rounded once.
 */
export function addProduct(values: Float32Array, start: number, { up, down, rank, scale }: LowRankProduct): void {
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
    for (let i = 0; i < width; i++) {
      values[done + i] = (values[done + i] as number) + scale * (sums[i] as number);
    }
    done += width;
  }
}
