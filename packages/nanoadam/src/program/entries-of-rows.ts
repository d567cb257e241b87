/** The part of a selection that lies in some rows of its tensor. */
import type { ChunkedEntries } from "@nanoadam/engine";
import type { Selection } from "@nanoadam/optim";

/** Entries counted from the first of the rows, and where they begin among all that are selected. */
export interface EntriesOfRows {
  readonly entries: ChunkedEntries;
  readonly from: number;
}

/**
 * The selected of the `length` entries from entry `first` on.
 * @param take gives memory for so many offsets
 */
export function entriesOfRows(
  selection: Selection,
  first: number,
  length: number,
  take: (count: number) => Uint16Array = (count) => new Uint16Array(count),
): EntriesOfRows {
  const { chunkSize, offsets } = selection;
  const from = positionOf(selection, first);
  const to = positionOf(selection, first + length);
  const found = take(to - from);
  const starts = new Uint32Array(Math.ceil(length / chunkSize) + 1).fill(found.length);
  let [chunk, reached] = [chunkAt(selection, from), -1];
  for (let position = from; position < to; position++) {
    while (position >= (selection.starts[chunk + 1] ?? 0)) chunk++;
    const entry = chunk * chunkSize + (offsets[position] as number) - first;
    const own = Math.floor(entry / chunkSize);
    while (reached < own) starts[++reached] = position - from;
    found[position - from] = entry - own * chunkSize;
  }
  return { entries: { chunkSize, starts, offsets: found }, from };
}

/** The chunk that has a position of the selection. */
function chunkAt({ starts }: Selection, position: number): number {
  return Math.max(
    0,
    starts.findLastIndex((start) => start <= position),
  );
}

/** How many of the selected entries lie before an entry. */
export function positionOf({ chunkSize, starts, offsets, length }: Selection, entry: number): number {
  if (entry >= length) return offsets.length;
  const chunk = Math.floor(entry / chunkSize);
  return lowerBound(offsets, starts[chunk] ?? 0, starts[chunk + 1] ?? 0, entry - chunk * chunkSize);
}

/** The first position in [from, to) of the ascending `offsets` that is at least `offset`. */
export function lowerBound(offsets: Uint16Array, from: number, to: number, offset: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] as number) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
