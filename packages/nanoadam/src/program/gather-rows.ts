/** Rows of embedding tables, gathered outside the graphs: a function is given those that a batch uses, and never the table. */
import type { WeightArray } from "@nanoadam/optim";
import { InputError } from "../errors.js";

/** What a message calls the table and its indices. */
export interface RowNames {
  readonly table: string;
  readonly indices: string;
}

/**
 * A function that writes the rows of a table that `indices` number to `target` [indices, columns], in float32.
 * @returns which throws InputError for an index of no row
 */
export function gatherRows(table: WeightArray, indices: Int32Array, target: Float32Array, names: RowNames): () => void {
  const columns = target.length / indices.length;
  const rows = table.length / columns;
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  return () => {
    for (let position = 0; position < indices.length; position++) {
      const row = indices[position] as number;
      if (row < 0 || row >= rows) {
        throw new InputError(
          `the data have ${row} among their ${names.indices}, but ${names.table} has the rows 0 to ${rows - 1} only`,
        );
      }
      const from = row * columns;
      const to = position * columns;
      if (table instanceof Float32Array) {
        for (let column = 0; column < columns; column++) target[to + column] = table[from + column] as number;
      } else {
        for (let column = 0; column < columns; column++) bits[to + column] = (table[from + column] as number) << 16;
      }
    }
  };
}
