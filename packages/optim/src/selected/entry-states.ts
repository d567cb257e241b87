/** States of the selected entries in their storage type, and one chunk's in float32 while it is updated. */

import { bfloat16OfBits, bfloat16OfBitsStochastically } from "../bfloat16.js";
import { bitsOf } from "../selection/select.js";
import { type EntryState, mostStates } from "./update-rule.js";

/** How states of selected entries may be stored. */
export const stateTypes = ["float32", "bfloat16"] as const;
export type StateType = (typeof stateTypes)[number];

/** One state of the selected entries, in float32 or as the bits of bfloat16. */
export type StoredState = Float32Array | Uint16Array;

export function createState(stateType: StateType, length: number): StoredState {
  return stateType === "float32" ? new Float32Array(length) : new Uint16Array(length);
}

/** Whether states are held in float32, so that they are updated where they are. */
export function areWide(states: readonly StoredState[]): states is readonly Float32Array[] {
  return states.every((state) => state instanceof Float32Array);
}

/** States in float32; those of the chunk at hand begin at `stateStart`. */
export interface WideStates {
  readonly states: readonly Float32Array[];
  readonly stateStart: number;
}

// One chunk's at a time.
let wide = Array.from({ length: mostStates }, () => new Float32Array(0));

/** The states from `start` to before `end` in float32: themselves, or widened. */
export function wideStates(stored: readonly StoredState[], start: number, end: number): WideStates {
  if (areWide(stored)) return { states: stored, stateStart: start };
  const count = end - start;
  if (wide.some(({ length }) => length < count)) wide = wide.map(() => new Float32Array(count));
  const states = wide.slice(0, stored.length);
  for (const [place, state] of states.entries()) widen(stored[place] as StoredState, start, end, state);
  return { states, stateStart: 0 };
}

function widen(halves: StoredState, start: number, end: number, wide: Float32Array): void {
  const bits = bitsOf(wide);
  for (let position = start; position < end; position++) bits[position - start] = (halves[position] as number) << 16;
}

// One chunk's at a time.
let wideSlopes = new Float32Array(0);

/** A gradient from `start` to before `end` in float32, that of the chunk at hand from `gradientStart` on: itself, or widened. */
export function wideGradient(
  gradient: Float32Array | Uint16Array,
  start: number,
  end: number,
): { readonly gradient: Float32Array; readonly gradientStart: number } {
  if (gradient instanceof Float32Array) return { gradient, gradientStart: start };
  if (wideSlopes.length < end - start) wideSlopes = new Float32Array(end - start);
  widen(gradient, start, end, wideSlopes);
  return { gradient: wideSlopes, gradientStart: 0 };
}

/**
 * Stores states that {@link wideStates} widened.
 *
 * @param kinds how each is rounded
 * @param key decides how it is rounded where that is by chance
 */
export function storeStates(
  { states }: WideStates,
  stored: readonly StoredState[],
  kinds: readonly EntryState[],
  start: number,
  end: number,
  key: number,
): void {
  if (areWide(stored)) return;
  for (const [place, state] of states.entries()) {
    const halves = stored[place] as StoredState;
    if (kinds[place]?.rounding === "stochastic") storeStochastically(state, halves, start, end, key);
    else storeNearest(state, halves, start, end);
  }
}

function storeNearest(wide: Float32Array, halves: StoredState, start: number, end: number): void {
  const bits = bitsOf(wide);
  for (let position = start; position < end; position++) {
    halves[position] = bfloat16OfBits(bits[position - start] as number);
  }
}

function storeStochastically(wide: Float32Array, halves: StoredState, start: number, end: number, key: number): void {
  const bits = bitsOf(wide);
  for (let position = start; position < end; position++) {
    halves[position] = bfloat16OfBitsStochastically(bits[position - start] as number, key + position);
  }
}
