/** Rows of embedding tables, gathered outside the graphs: a function is given those that a batch uses, and never the table. */
import type { WeightArray } from "@nanoadam/optim";

/** A function that writes the rows of a table that `indices` number to `target` [indices, columns], in float32. */
export function gatherRows(table: WeightArray, indices: Int32Array, target: Float32Array): () => void {
  const columns = target.length / indices.length;
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  return () => {
    for (let position = 0; position < indices.length; position++) {
      const from = (indices[position] as number) * columns;
      const to = position * columns;
      if (table instanceof Float32Array) {
        for (let column = 0; column < columns; column++) target[to + column] = table[from + column] as number;
      } else {
        for (let column = 0; column < columns; column++) bits[to + column] = (table[from + column] as number) << 16;
      }
    }
  };
}
