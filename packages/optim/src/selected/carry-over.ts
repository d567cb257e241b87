/** The states of the selected entries, and how they pass from one selection to the next. */

import { fromBfloat16, toBfloat16 } from "../bfloat16.js";
import { oldestAge } from "../bias-factors.js";
import { createKernel, largestChunkSize, lazily } from "../selection/wasm.js";
import type { Selection } from "../types.js";
import { wasm } from "./carry-over.wasm.js";
import type { StoredState } from "./entry-states.js";
import { type EntryState, mostStates } from "./update-rule.js";

/** The state of the selected entries, in selection order. */
export interface Held {
  readonly selection: Selection;
  /** One array for each state of the rule. */
  readonly states: readonly StoredState[];
  /** Updates that each entry had before the last refresh; absent where all have the same age or none is needed. */
  readonly ages: Uint16Array | undefined;
  /** The low bits of weights that are stored in bfloat16. */
  readonly lowBits: Int16Array | undefined;
}

interface Exports {
  carryOver(formerCount: number, count: number): void;
}

/**
 * One chunk at a refresh: its former entries stand aside while the new ones are written. States are moved in their
 * storage type; a float32 holds the bits of a bfloat16 exactly as a number. The state of a former entry is at its
 * position, from 1 on; the entries that were not selected share position 0, where all is 0.
 */
interface ChunkAtHand {
  readonly exports: Exports;
  readonly formerOffsets: Uint16Array;
  readonly nextOffsets: Uint16Array;
  /** Of every new offset the position of its former state. */
  readonly positions: Uint32Array;
  /** Of each state that there may be. */
  readonly formerStates: readonly Float32Array[];
  readonly formerAges: Uint16Array;
  readonly formerLowBits: Int16Array;
  readonly nextStates: readonly Float32Array[];
}

function forEachState<Made>(make: () => Made): readonly Made[] {
  return Array.from({ length: mostStates }, make);
}

const memoryPages = 25;
const alignment = 64;

/** The kernel and its memory, laid out as assembly/carry-over.ts has it. */
const chunkAtHand = lazily((): ChunkAtHand => {
  const { exports, buffer } = createKernel(wasm, memoryPages);
  const length = largestChunkSize;
  let end = 0;
  const reserve = (bytes: number): number => {
    const at = end;
    end += Math.ceil(bytes / alignment) * alignment;
    return at;
  };
  return {
    exports: exports as unknown as Exports,
    formerOffsets: new Uint16Array(buffer, reserve(2 * length), length),
    nextOffsets: new Uint16Array(buffer, reserve(2 * length), length),
    positions: new Uint32Array(buffer, reserve(4 * length), length),
    formerStates: forEachState(() => new Float32Array(buffer, reserve(4 * (length + 1)), length + 1)),
    nextStates: forEachState(() => new Float32Array(buffer, reserve(4 * length), length)),
    formerAges: new Uint16Array(length + 1),
    formerLowBits: new Int16Array(length + 1),
  };
});

/** Sets aside the state of one chunk, its ages brought up to date; returns the count of its entries. */
export function setAside(former: Held, chunk: number, stepsSinceRefresh: number): number {
  const { formerOffsets, formerStates, formerAges, formerLowBits } = chunkAtHand();
  const { selection, states, ages, lowBits } = former;
  const start = selection.starts[chunk] as number;
  const end = selection.starts[chunk + 1] as number;
  formerOffsets.set(selection.offsets.subarray(start, end));
  for (const [place, state] of states.entries()) formerStates[place]?.set(state.subarray(start, end), 1);
  if (lowBits !== undefined) formerLowBits.set(lowBits.subarray(start, end), 1);
  if (ages !== undefined) {
    for (let position = start; position < end; position++) {
      formerAges[1 + position - start] = Math.min((ages[position] as number) + stepsSinceRefresh, oldestAge);
    }
  }
  return end - start;
}

/** The offsets of the entries set aside and their low bits, in one order. */
export function lowBitsSetAside(): { readonly offsets: Uint16Array; readonly lowBits: Int16Array } {
  const { formerOffsets, formerLowBits } = chunkAtHand();
  return { offsets: formerOffsets, lowBits: formerLowBits.subarray(1) };
}

/** Writes the states of one chunk's new entries: their former ones if they were set aside, else what they enter with. */
export function carryOver(
  formerCount: number,
  offsets: Uint16Array,
  next: Omit<Held, "selection">,
  kinds: readonly EntryState[],
  start: number,
  count: number,
): void {
  const { exports, nextOffsets, positions, nextStates, formerAges, formerLowBits } = chunkAtHand();
  nextOffsets.set(offsets.subarray(start, start + count));
  exports.carryOver(formerCount, count);
  const { states, ages, lowBits } = next;
  for (const [place, state] of states.entries()) state.set(nextStates[place]?.subarray(0, count) ?? [], start);
  for (const [place, { entering }] of kinds.entries()) {
    if (entering === "mean") enterAtMean(states[place] as StoredState, start, count);
  }
  if (ages === undefined && lowBits === undefined) return;
  for (let index = 0; index < count; index++) {
    const position = positions[nextOffsets[index] as number] as number;
    if (ages !== undefined) ages[start + index] = formerAges[position] as number;
    if (lowBits !== undefined) lowBits[start + index] = formerLowBits[position] as number;
  }
}

/** Gives the entries of a chunk that were not set aside the mean of those that were. */
function enterAtMean(state: StoredState, start: number, count: number): void {
  const { nextOffsets, positions } = chunkAtHand();
  const isWide = state instanceof Float32Array;
  let [sum, carried] = [0, 0];
  for (let index = 0; index < count; index++) {
    if (positions[nextOffsets[index] as number] === 0) continue;
    const stored = state[start + index] as number;
    sum += isWide ? stored : fromBfloat16(stored);
    carried++;
  }
  if (carried === 0) return;
  const mean = isWide ? sum / carried : toBfloat16(sum / carried);
  for (let index = 0; index < count; index++) {
    if (positions[nextOffsets[index] as number] === 0) state[start + index] = mean;
  }
}
