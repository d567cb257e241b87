/**
 * Which entries move: in every chunk of a flattened tensor, those of smallest magnitude (docs/method.md, section 1;
 * "Pay Attention to Small Weights", Algorithm 1, bottom-k).
 *
 * NaN and the infinities would order as the largest magnitudes; they are refused instead, since a weight that is not finite is
 * a run that has already failed.
 */

import { checkCount, checkDensity } from "../check.js";
import type { Selection } from "../types.js";
import { chunkToSelectFrom, smallestOfChunk } from "./smallest.js";
import { largestChunkSize } from "./wasm.js";

export const defaultChunkSize = 32_768;

export interface SelectionOptions {
  /** Fraction of each chunk to select: above 0, at most 1. At least one entry of a chunk is always selected. */
  readonly density: number;
  /** Entries per chunk, 32,768 unless given. */
  readonly chunkSize?: number | undefined;
  /** The tensor's name in errors. */
  readonly name?: string | undefined;
}

const magnitudeMask = 0x7fffffff;
const largestFiniteMagnitude = 0x7f7fffff;

/** @returns how many entries of a chunk of `length` entries are selected: `max(1, ceil(density * length - 1e-9))`. */
export function selectedCount(length: number, density: number): number {
  return Math.min(length, Math.max(1, Math.ceil(density * length - 1e-9)));
}

/**
 * Where each chunk's offsets start in a selection.
 *
 * @param length entries of the tensor
 * @returns one number per chunk and a last one, the count of selected entries: {@link Selection.starts}.
 */
export function selectionStarts(length: number, density: number, chunkSize: number): Uint32Array {
  const chunks = Math.ceil(length / chunkSize);
  const starts = new Uint32Array(chunks + 1);
  let start = 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    start += selectedCount(Math.min(chunkSize, length - chunk * chunkSize), density);
    starts[chunk + 1] = start;
  }
  return starts;
}

/** @returns the float32 bits of `values`, on the same memory. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/**
 * Writes the ascending offsets of the `count` entries of smallest magnitude of one chunk to `offsets[position ..]`.
 *
 * @param bits the tensor's float32 bits ({@link bitsOf})
 * @param chunkStart the chunk's first entry; the chunk has `chunkLength` entries, at most 65,536
 * @param name the tensor's name in errors
 * @throws RangeError where the chunk has an entry that is NaN or infinite; nothing is written then.
 */
export function selectSmallestOfChunk(
  bits: Uint32Array,
  chunkStart: number,
  chunkLength: number,
  count: number,
  offsets: Uint16Array,
  position: number,
  name: string,
): void {
  chunkToSelectFrom(chunkLength).set(bits.subarray(chunkStart, chunkStart + chunkLength));
  selectSmallestKeys(chunkLength, count, offsets, position, name, chunkStart);
}

/**
 * Like {@link selectSmallestOfChunk}, by the keys that lie in {@link chunkToSelectFrom}: float32 bits, or numbers that order
 * as such.
 *
 * @param chunkStart the chunk's first entry, as an error counts
 */
export function selectSmallestKeys(
  chunkLength: number,
  count: number,
  offsets: Uint16Array,
  position: number,
  name: string,
  chunkStart = 0,
): void {
  const smallest = smallestOfChunk(chunkLength, count);
  if (smallest === undefined) throw nonFiniteEntry(chunkToSelectFrom(chunkLength), 0, chunkLength, name, chunkStart);
  offsets.set(smallest, position);
}

/**
 * Like {@link selectSmallestOfChunk}, for the `count` entries of largest magnitude; ties go to the lower index.
 *
 * @throws RangeError where the chunk has an entry that is NaN or infinite; nothing is written then.
 */
export function selectLargestOfChunk(
  bits: Uint32Array,
  chunkStart: number,
  chunkLength: number,
  count: number,
  offsets: Uint16Array,
  position: number,
  name: string,
): void {
  const reversed = chunkToSelectFrom(chunkLength);
  for (let offset = 0; offset < chunkLength; offset++) {
    const magnitude = (bits[chunkStart + offset] as number) & magnitudeMask;
    if (magnitude > largestFiniteMagnitude) throw nonFiniteEntry(bits, chunkStart, chunkStart + chunkLength, name);
    reversed[offset] = largestFiniteMagnitude - magnitude;
  }
  selectSmallestKeys(chunkLength, count, offsets, position, name);
}

/** The error for the first of `bits[from .. to)` that is NaN or infinite; `bits` begin at the tensor's entry `firstEntry`. */
export function nonFiniteEntry(bits: Uint32Array, from: number, to: number, name: string, firstEntry = 0): RangeError {
  const values = new Float32Array(bits.buffer, bits.byteOffset, bits.length);
  let index = from;
  while (index < to && Number.isFinite(values[index])) index++;
  const found = `entry ${firstEntry + index} of "${name}" is ${values[index]}`;
  return new RangeError(`${found}; expected finite values to select from`);
}

/**
 * Selects the entries of smallest magnitude in every chunk of a flattened tensor.
 *
 * @param values the tensor's entries in row-major order
 * @param previous a selection whose buffers may be overwritten; they are where the new one has the same size
 * @returns a selection of `max(1, ceil(density * length - 1e-9))` entries per chunk
 * @throws TypeError or RangeError for a density or chunk size out of range, RangeError for a NaN or infinite entry.
 */
export function selectSmallest(values: Float32Array, options: SelectionOptions, previous?: Selection): Selection {
  const density = checkDensity("density", options.density);
  const chunkSize = checkChunkSize(options.chunkSize ?? defaultChunkSize);
  const starts = selectionStarts(values.length, density, chunkSize);
  const count = starts[starts.length - 1] as number;
  const offsets = previous?.offsets.length === count ? previous.offsets : new Uint16Array(count);
  const bits = bitsOf(values);
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const chunkStart = chunk * chunkSize;
    const start = starts[chunk] as number;
    const chunkCount = (starts[chunk + 1] as number) - start;
    const chunkLength = Math.min(chunkSize, values.length - chunkStart);
    selectSmallestOfChunk(bits, chunkStart, chunkLength, chunkCount, offsets, start, options.name ?? "values");
  }
  return { length: values.length, chunkSize, count, starts, offsets };
}

/** @throws TypeError or RangeError unless `chunkSize` is a whole number from 1 to 65,536. */
export function checkChunkSize(chunkSize: number, option = "chunkSize"): number {
  checkCount(option, chunkSize, 1);
  if (chunkSize > largestChunkSize) {
    throw new RangeError(
      `${option} is ${chunkSize}; expected at most ${largestChunkSize}, so that offsets fit 16 bits`,
    );
  }
  return chunkSize;
}

/** @returns the ascending flat indices of a selection's entries, one per selected entry. */
export function selectionIndices(selection: Selection): Uint32Array {
  const { starts, offsets, chunkSize, count } = selection;
  const indices = new Uint32Array(count);
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      indices[position] = chunk * chunkSize + (offsets[position] as number);
    }
  }
  return indices;
}

/** @throws RangeError unless starts ascend from 0, and offsets ascend within each chunk and lie inside it. */
export function checkSelection({ length, chunkSize, starts, offsets }: Selection): void {
  if (starts[0] !== 0) throw new RangeError(`starts begins with ${starts[0]}; expected 0`);
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const start = starts[chunk] as number;
    const end = starts[chunk + 1] as number;
    const chunkLength = Math.min(chunkSize, length - chunk * chunkSize);
    if (end < start || end - start > chunkLength) {
      throw new RangeError(
        `starts goes from ${start} to ${end} at chunk ${chunk}; expected 0 to ${chunkLength} entries`,
      );
    }
    let before = -1;
    for (let position = start; position < end; position++) {
      const offset = offsets[position] as number;
      if (offset <= before || offset >= chunkLength) {
        throw new RangeError(
          `offset ${offset} follows ${before} in chunk ${chunk}; expected ascending offsets below ${chunkLength}`,
        );
      }
      before = offset;
    }
  }
}
