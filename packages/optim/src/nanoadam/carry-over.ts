/** What NanoAdam holds of the entries it has selected, and how this passes from one selection to the next. */

import { oldestAge } from "../bias-factors.js";
import { createKernel, largestChunkSize, lazily } from "../selection/wasm.js";
import type { Selection } from "../types.js";
import { wasm } from "./carry-over.wasm.js";
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

interface Exports {
  carryOver(formerCount: number, count: number): void;
}

/**
 * One chunk at a refresh: its former entries stand aside while the new ones are written. Moments are moved as they are stored;
 * a float32 holds the bits of a bfloat16 exactly as a number. What a former entry had is at its place, from 1 on; the entries
 * that were not selected share place 0, where all is 0.
 */
interface ChunkAtHand {
  readonly exports: Exports;
  readonly formerOffsets: Uint16Array;
  readonly nextOffsets: Uint16Array;
  /** Of every new offset the place of what it had. */
  readonly places: Uint32Array;
  readonly formerFirst: Float32Array;
  readonly formerSecond: Float32Array;
  readonly formerAges: Uint16Array;
  readonly formerRests: Int16Array;
  readonly nextFirst: Float32Array;
  readonly nextSecond: Float32Array;
}

const memoryPages = 25;
const alignment = 64;

/** The kernel and its memory, laid out as assembly/carry-over.ts has it. */
const chunkAtHand = lazily((): ChunkAtHand => {
  const { exports, buffer } = createKernel(wasm, memoryPages);
  const length = largestChunkSize;
  let end = 0;
  const place = (bytes: number): number => {
    const at = end;
    end += Math.ceil(bytes / alignment) * alignment;
    return at;
  };
  return {
    exports: exports as unknown as Exports,
    formerOffsets: new Uint16Array(buffer, place(2 * length), length),
    nextOffsets: new Uint16Array(buffer, place(2 * length), length),
    places: new Uint32Array(buffer, place(4 * length), length),
    formerFirst: new Float32Array(buffer, place(4 * (length + 1)), length + 1),
    formerSecond: new Float32Array(buffer, place(4 * (length + 1)), length + 1),
    nextFirst: new Float32Array(buffer, place(4 * length), length),
    nextSecond: new Float32Array(buffer, place(4 * length), length),
    formerAges: new Uint16Array(length + 1),
    formerRests: new Int16Array(length + 1),
  };
});

/** Sets aside what is held of one chunk, its ages brought up to date; returns its entries' count. */
export function setAside(former: Held, chunk: number, stepsSinceRefresh: number): number {
  const { formerOffsets, formerFirst, formerSecond, formerAges, formerRests } = chunkAtHand();
  const { selection, firstMoment, secondMoment, ages, rests } = former;
  const start = selection.starts[chunk] as number;
  const end = selection.starts[chunk + 1] as number;
  formerOffsets.set(selection.offsets.subarray(start, end));
  formerFirst.set(firstMoment.subarray(start, end), 1);
  formerSecond.set(secondMoment.subarray(start, end), 1);
  if (rests !== undefined) formerRests.set(rests.subarray(start, end), 1);
  if (ages !== undefined) {
    for (let position = start; position < end; position++) {
      formerAges[1 + position - start] = Math.min((ages[position] as number) + stepsSinceRefresh, oldestAge);
    }
  }
  return end - start;
}

/** The offsets of the entries set aside and their rests, in one order. */
export function restsSetAside(): { readonly offsets: Uint16Array; readonly rests: Int16Array } {
  const { formerOffsets, formerRests } = chunkAtHand();
  return { offsets: formerOffsets, rests: formerRests.subarray(1) };
}

/** Writes the states of one chunk's new entries: of those that were set aside as they were, of the others 0. */
export function carryOver(
  formerCount: number,
  offsets: Uint16Array,
  next: Omit<Held, "selection">,
  start: number,
  count: number,
): void {
  const { exports, nextOffsets, places, nextFirst, nextSecond, formerAges, formerRests } = chunkAtHand();
  nextOffsets.set(offsets.subarray(start, start + count));
  exports.carryOver(formerCount, count);
  next.firstMoment.set(nextFirst.subarray(0, count), start);
  next.secondMoment.set(nextSecond.subarray(0, count), start);
  const { ages, rests } = next;
  if (ages === undefined && rests === undefined) return;
  for (let index = 0; index < count; index++) {
    const place = places[nextOffsets[index] as number] as number;
    if (ages !== undefined) ages[start + index] = formerAges[place] as number;
    if (rests !== undefined) rests[start + index] = formerRests[place] as number;
  }
}
