/** Rows of embedding tables, looked up outside the graphs: a function is given those that a batch uses, and never the table. */
import type { WeightArray } from "@nanoadam/optim";

/** A function that writes the rows of a table of `columns` columns that `rows` number to `target`, in float32. */
export function lookingUp(table: WeightArray, rows: Int32Array, columns: number, target: Float32Array): () => void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  return () => {
    for (let position = 0; position < rows.length; position++) {
      const from = (rows[position] as number) * columns;
      const to = position * columns;
      if (table instanceof Float32Array) {
        for (let column = 0; column < columns; column++) target[to + column] = table[from + column] as number;
      } else {
        for (let column = 0; column < columns; column++) bits[to + column] = (table[from + column] as number) << 16;
      }
    }
  };
}
