/** What NanoAdam holds of the entries it has selected, and how this passes from one selection to the next. */

import { oldestAge } from "./bias-factors.js";
import type { Selection } from "./contract.js";
import type { Moments } from "./moments.js";
import { largestChunkSize } from "./select.js";

/** What is held of the selected entries, in selection order. */
export interface Held {
  readonly selection: Selection;
  readonly firstMoment: Moments;
  readonly secondMoment: Moments;
  /** Updates that each entry had before the last refresh; absent where all have the same age or none is needed. */
  readonly ages: Uint16Array | undefined;
  /** What weights have beyond bfloat16, where they are stored in it. */
  readonly rests: Int16Array | undefined;
}

// Where one chunk's former entries stand aside while the new ones are written: shared, since a refresh runs in one go.
// Moments are moved as they are stored; a float32 holds the bits of a bfloat16 exactly as a number. What an entry had is at
// its place, from 1 on; the entries that were not selected share place 0, where all is 0.
export const formerChunk = {
  offsets: new Uint16Array(0),
  firstMoment: new Float32Array(1),
  secondMoment: new Float32Array(1),
  ages: new Uint16Array(1),
  rests: new Int16Array(1),
};
/** Of every offset its place in {@link formerChunk}; all 0 but within {@link carryOver}. */
const places = new Uint32Array(largestChunkSize);

/** Copies what is held of one chunk into {@link formerChunk}, its ages brought up to date; returns its entries' count. */
export function setAside(former: Held, chunk: number, stepsSinceRefresh: number): number {
  const { selection, firstMoment, secondMoment, ages, rests } = former;
  const start = selection.starts[chunk] as number;
  const end = selection.starts[chunk + 1] as number;
  const count = end - start;
  if (formerChunk.offsets.length < count) {
    formerChunk.offsets = new Uint16Array(count);
    formerChunk.firstMoment = new Float32Array(count + 1);
    formerChunk.secondMoment = new Float32Array(count + 1);
    formerChunk.ages = new Uint16Array(count + 1);
    formerChunk.rests = new Int16Array(count + 1);
  }
  formerChunk.offsets.set(selection.offsets.subarray(start, end));
  formerChunk.firstMoment.set(firstMoment.subarray(start, end), 1);
  formerChunk.secondMoment.set(secondMoment.subarray(start, end), 1);
  if (rests !== undefined) formerChunk.rests.set(rests.subarray(start, end), 1);
  if (ages !== undefined) {
    for (let index = 0; index < count; index++) {
      formerChunk.ages[1 + index] = Math.min((ages[start + index] as number) + stepsSinceRefresh, oldestAge);
    }
  }
  return count;
}

/**
 * Writes the states of one chunk's new entries: of those in {@link formerChunk} as they were, of the others 0. Which it is, no
 * processor could predict, so there is no branch.
 */
export function carryOver(
  formerCount: number,
  offsets: Uint16Array,
  next: Omit<Held, "selection">,
  start: number,
  count: number,
): void {
  const { firstMoment, secondMoment, ages, rests } = next;
  const { offsets: formerOffsets, firstMoment: formerFirst, secondMoment: formerSecond } = formerChunk;
  const end = start + count;
  for (let index = 0; index < formerCount; index++) places[formerOffsets[index] as number] = index + 1;
  for (let position = start; position < end; position++) {
    const place = places[offsets[position] as number] as number;
    firstMoment[position] = formerFirst[place] as number;
    secondMoment[position] = formerSecond[place] as number;
  }
  if (ages !== undefined) {
    const formerAges = formerChunk.ages;
    for (let position = start; position < end; position++) {
      ages[position] = formerAges[places[offsets[position] as number] as number] as number;
    }
  }
  if (rests !== undefined) {
    const formerRests = formerChunk.rests;
    for (let position = start; position < end; position++) {
      rests[position] = formerRests[places[offsets[position] as number] as number] as number;
    }
  }
  for (let index = 0; index < formerCount; index++) places[formerOffsets[index] as number] = 0;
}
