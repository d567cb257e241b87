/**
 * A row of a matrix product: `out = sum over k of factors[start + k] * rows[k, :]`, for `inner` rows of `out.length` numbers.
 * Four rows are taken at a time, so that a sum is read and written a quarter as often.
 */
export function rowProduct(
  factors: Float32Array | Float64Array,
  start: number,
  inner: number,
  rows: Float32Array | Float64Array,
  out: Float64Array,
): void {
  const columns = out.length;
  out.fill(0);
  let k = 0;
  for (; k + 4 <= inner; k += 4) {
    const factor0 = factors[start + k] as number;
    const factor1 = factors[start + k + 1] as number;
    const factor2 = factors[start + k + 2] as number;
    const factor3 = factors[start + k + 3] as number;
    const row0 = k * columns;
    const row1 = row0 + columns;
    const row2 = row1 + columns;
    const row3 = row2 + columns;
    for (let column = 0; column < columns; column++) {
      out[column] =
        (out[column] as number) +
        factor0 * (rows[row0 + column] as number) +
        factor1 * (rows[row1 + column] as number) +
        factor2 * (rows[row2 + column] as number) +
        factor3 * (rows[row3 + column] as number);
    }
  }
  for (; k < inner; k++) {
    const factor = factors[start + k] as number;
    const row = k * columns;
    for (let column = 0; column < columns; column++) {
      out[column] = (out[column] as number) + factor * (rows[row + column] as number);
    }
  }
}

/** A row-major [rows, columns] matrix as [columns, rows]. */
export function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = matrix[row * columns + column] as number;
  }
  return turned;
}
