/** What NanoAdam holds of the entries it has selected, and how this passes from one selection to the next. */

import { oldestAge } from "./bias-factors.js";
import type { Selection } from "./contract.js";
import type { Moments } from "./moments.js";

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
// Moments are moved as they are stored; a float32 holds the bits of a bfloat16 exactly as a number.
export const formerChunk = {
  offsets: new Uint16Array(0),
  firstMoment: new Float32Array(0),
  secondMoment: new Float32Array(0),
  ages: new Uint16Array(0),
  rests: new Int16Array(0),
};

/** Copies what is held of one chunk into {@link formerChunk}, its ages brought up to date; returns its entries' count. */
export function setAside(former: Held, chunk: number, stepsSinceRefresh: number): number {
  const { selection, firstMoment, secondMoment, ages, rests } = former;
  const start = selection.starts[chunk] as number;
  const count = (selection.starts[chunk + 1] as number) - start;
  if (formerChunk.offsets.length < count) {
    formerChunk.offsets = new Uint16Array(count);
    formerChunk.firstMoment = new Float32Array(count);
    formerChunk.secondMoment = new Float32Array(count);
    formerChunk.ages = new Uint16Array(count);
    formerChunk.rests = new Int16Array(count);
  }
  for (let index = 0; index < count; index++) {
    formerChunk.offsets[index] = selection.offsets[start + index] as number;
    formerChunk.firstMoment[index] = firstMoment[start + index] as number;
    formerChunk.secondMoment[index] = secondMoment[start + index] as number;
    if (ages !== undefined) {
      formerChunk.ages[index] = Math.min((ages[start + index] as number) + stepsSinceRefresh, oldestAge);
    }
    if (rests !== undefined) formerChunk.rests[index] = rests[start + index] as number;
  }
  return count;
}

/** Writes the states of one chunk's new entries: of those in {@link formerChunk} as they were, of the others 0. */
export function carryOver(
  formerCount: number,
  offsets: Uint16Array,
  next: Omit<Held, "selection">,
  start: number,
  count: number,
): void {
  const { firstMoment, secondMoment, ages, rests } = next;
  let index = 0;
  for (let position = start; position < start + count; position++) {
    const offset = offsets[position] as number;
    while (index < formerCount && (formerChunk.offsets[index] as number) < offset) index++;
    const stays = index < formerCount && formerChunk.offsets[index] === offset;
    firstMoment[position] = stays ? (formerChunk.firstMoment[index] as number) : 0;
    secondMoment[position] = stays ? (formerChunk.secondMoment[index] as number) : 0;
    if (ages !== undefined) ages[position] = stays ? (formerChunk.ages[index] as number) : 0;
    if (rests !== undefined) rests[position] = stays ? (formerChunk.rests[index] as number) : 0;
  }
}
