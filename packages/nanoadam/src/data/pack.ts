/** Several short examples in one row, so that little of a batch is padding. */
import { randomSites } from "../random-streams.js";
import type { Dataset } from "./dataset.js";
import { shuffledIndices } from "./shuffle.js";

export interface PackOptions {
  /** Rows have at most this size. */
  readonly capacity: number;
  readonly seed: number;
  /** Examples that are packed together; rows of a large window are fuller, and more alike. */
  readonly window?: number;
}

/**
 * Which examples share a row: they are shuffled by the seed, and those of each stretch of `window` are put, the largest first,
 * each into the first row that has room (first-fit decreasing). Every example is in exactly one row; one that is larger than
 * `capacity` has a row of its own.
 */
export function planRows(sizes: ArrayLike<number>, { capacity, seed, window = 1024 }: PackOptions): number[][] {
  const sizeOf = (index: number) => sizes[index] ?? 0;
  const order = [...shuffledIndices(sizes.length, seed, randomSites.packing)];
  const rows: number[][] = [];
  for (let first = 0; first < order.length; first += window) {
    const open: { readonly row: number[]; room: number }[] = [];
    const stretch = order.slice(first, first + window).sort((a, b) => sizeOf(b) - sizeOf(a));
    for (const index of stretch) {
      let place = open.find(({ room }) => room >= sizeOf(index));
      if (place === undefined) {
        place = { row: [], room: capacity };
        open.push(place);
      }
      place.row.push(index);
      place.room -= sizeOf(index);
    }
    rows.push(...open.map(({ row }) => row));
  }
  return rows;
}

/** The data set whose examples are those rows, each merged from several. */
export function packed<Example>(
  dataset: Dataset<Example>,
  rows: readonly (readonly number[])[],
  merge: (examples: readonly Example[]) => Example,
): Dataset<Example> {
  const at = (row: number): readonly number[] => {
    const found = rows[row];
    if (found === undefined) throw new RangeError(`there is no row ${row} among ${rows.length}`);
    return found;
  };
  return {
    length: rows.length,
    sizeOf: (row) => at(row).reduce((sum, index) => sum + dataset.sizeOf(index), 0),
    load: async (row, key) => merge(await Promise.all(at(row).map((index) => dataset.load(index, key)))),
    wasTruncated: (row) => at(row).some((index) => dataset.wasTruncated?.(index) === true),
    ...(dataset.notes === undefined ? {} : { notes: dataset.notes }),
  };
}
