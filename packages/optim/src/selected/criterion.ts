/**
 * By what the entries that move are chosen: the smallest weights, as NanoAdam does; or, for comparison with that (paper, Figures 4 and 8
 * to 11), the largest weights, random ones, those of largest gradient, or those that are small beside others of their row or column; and, for
 * pruned networks, a choice that leaves zeros alone (Appendix M). Each gives every entry of a chunk a key, and the smallest keys are chosen.
 */

import { mixBits, mixKeys, textKey } from "../random.js";
import {
  nonFiniteEntry,
  selectedCount,
  selectionStarts,
  selectSmallestKeys,
  selectSmallestOfChunk,
} from "../selection/select.js";
import { chunkToSelectFrom } from "../selection/smallest.js";
import type { Selection, WeightArray } from "../types.js";
import { type LineSizes, lineSizes, relativeBits } from "./relative-size.js";

/**
 * The criteria by which entries may be selected: small or large weights, chance, large gradients, or weights that are small beside the root
 * mean square of their row (of the first axis) or column; of a vector those that are small.
 */
export const criteria = ["small", "large", "random", "gradient", "small-in-row", "small-in-column"] as const;
export type Criterion = (typeof criteria)[number];

export interface Choice {
  readonly criterion: Criterion;
  /** Whether entries that are exactly 0 are never chosen. The density is then that of the others. */
  readonly skipZeros: boolean;
  /** Seed of the random criterion. */
  readonly seed: number;
}

/** The numbers by which a tensor's entries are chosen. */
export interface ChoiceInput {
  readonly name: string;
  /** The weights' float32 bits, of the whole tensor or of those from entry `firstEntry` on. */
  readonly bits: Uint32Array;
  readonly firstEntry: number;
  /** The whole gradient's, for the criterion "gradient", and none otherwise. */
  readonly gradientBits: Uint32Array | undefined;
  /** Of the tensor's rows or columns, where weights are chosen beside those of theirs. */
  readonly lines: LineSizes | undefined;
  readonly step: number;
}

const magnitudeMask = 0x7fffffff;
/** The largest key, which no finite value but the largest of all has. */
const lastKey = 0x7f7fffff;

/** What a tensor's rows or columns are measured for, if the criterion is one that does. */
export function choiceLines(
  { criterion }: Pick<Choice, "criterion">,
  values: WeightArray,
  shape: readonly number[],
): LineSizes | undefined {
  if (criterion === "small-in-row") return lineSizes("row", values, shape);
  return criterion === "small-in-column" ? lineSizes("column", values, shape) : undefined;
}

/**
 * Where each chunk's chosen entries start, as {@link Selection.starts}.
 *
 * @param bits the weights', of float32 or bfloat16
 */
export function choiceStarts(
  bits: Uint32Array | Uint16Array,
  density: number,
  chunkSize: number,
  { skipZeros }: Pick<Choice, "skipZeros">,
): Selection["starts"] {
  const starts = selectionStarts(bits.length, density, chunkSize);
  if (!skipZeros) return starts;
  const signShift = 33 - 8 * bits.BYTES_PER_ELEMENT;
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    let candidates = 0;
    const end = Math.min((chunk + 1) * chunkSize, bits.length);
    for (let entry = chunk * chunkSize; entry < end; entry++)
      if ((bits[entry] as number) << signShift !== 0) candidates++;
    const count = candidates === 0 ? 0 : selectedCount(candidates, density);
    starts[chunk + 1] = (starts[chunk] as number) + count;
  }
  return starts;
}

/**
 * Writes the ascending offsets of one chunk's `count` chosen entries to `offsets[position ..]`.
 *
 * @throws RangeError where the chunk has a weight that is NaN or infinite.
 */
export function chooseInChunk(
  { criterion, skipZeros, seed }: Choice,
  { name, bits, firstEntry, gradientBits, lines, step }: ChoiceInput,
  chunkStart: number,
  chunkLength: number,
  count: number,
  offsets: Uint16Array,
  position: number,
): void {
  const bitsStart = chunkStart - firstEntry;
  if (
    criterion !== "large" &&
    criterion !== "random" &&
    gradientBits === undefined &&
    lines === undefined &&
    !skipZeros
  ) {
    selectSmallestOfChunk(bits, bitsStart, chunkLength, count, offsets, position, name);
    return;
  }
  if (count === 0) return;
  const keys = chunkToSelectFrom(chunkLength);
  const randomKey = criterion === "random" ? mixKeys(seed, textKey(name), step) : 0;
  for (let offset = 0; offset < chunkLength; offset++) {
    const entry = chunkStart + offset;
    const magnitude = (bits[bitsStart + offset] as number) & magnitudeMask;
    if (magnitude > lastKey) throw nonFiniteEntry(bits, bitsStart, bitsStart + chunkLength, name, firstEntry);
    let key = magnitude;
    if (criterion === "large") key = lastKey - magnitude;
    if (gradientBits !== undefined) key = lastKey - ((gradientBits[entry] as number) & magnitudeMask);
    if (lines !== undefined) key = relativeBits(magnitude, entry, lines);
    if (criterion === "random") key = mixBits(randomKey + Math.imul(entry, 0x9e3779b1)) >>> 2;
    keys[offset] = skipZeros ? (magnitude === 0 ? lastKey : Math.min(key, lastKey - 1)) : key;
  }
  selectSmallestKeys(chunkLength, count, offsets, position, name);
}
