/**
 * What a stage's functions are given of the weights just before they run: tensors that are stored in bfloat16 as float32, and
 * of embedding tables the rows that a batch uses.
 */
import type { WeightArray } from "@nanoadam/optim";

/**
 * A function that writes the float32 values of bfloat16 weights to `target`, of the same length. The weights are read two at a
 * time, as words of 32 bits, which is a third faster.
 */
export function widening(source: Uint16Array, target: Float32Array): () => void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length >>> 1);
  return () => {
    let entry = 0;
    for (let pair = 0; pair < words.length; pair++) {
      const word = words[pair] as number;
      bits[entry++] = word << 16;
      bits[entry++] = word & 0xffff0000;
    }
    if (entry < source.length) bits[entry] = (source[entry] as number) << 16;
  };
}

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
