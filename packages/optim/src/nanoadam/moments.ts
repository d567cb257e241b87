/** Moments of the selected entries in their storage type, and one chunk's in float32 while it is updated. */

import { fromBfloat16, toBfloat16, toBfloat16Stochastically } from "../bfloat16.js";

/** How moments of selected entries may be stored. */
export const stateTypes = ["float32", "bfloat16"] as const;
export type StateType = (typeof stateTypes)[number];

/** Moments, in float32 or as the bits of bfloat16. */
export type Moments = Float32Array | Uint16Array;

export function createMoments(stateType: StateType, length: number): Moments {
  return stateType === "float32" ? new Float32Array(length) : new Uint16Array(length);
}

/** Moments in float32; those of the chunk at hand begin at `momentStart`. */
export interface WideMoments {
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  readonly momentStart: number;
}

// One chunk's at a time.
let wideFirst = new Float32Array(0);
let wideSecond = new Float32Array(0);

/** The moments from `start` to before `end` in float32: themselves, or widened. */
export function wideMoments(firstMoment: Moments, secondMoment: Moments, start: number, end: number): WideMoments {
  if (firstMoment instanceof Float32Array && secondMoment instanceof Float32Array) {
    return { firstMoment, secondMoment, momentStart: start };
  }
  const count = end - start;
  if (wideFirst.length < count) {
    wideFirst = new Float32Array(count);
    wideSecond = new Float32Array(count);
  }
  for (let index = 0; index < count; index++) {
    wideFirst[index] = fromBfloat16(firstMoment[start + index] as number);
    wideSecond[index] = fromBfloat16(secondMoment[start + index] as number);
  }
  return { firstMoment: wideFirst, secondMoment: wideSecond, momentStart: 0 };
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
  for (let position = start; position < end; position++) {
    wideSlopes[position - start] = fromBfloat16(gradient[position] as number);
  }
  return { gradient: wideSlopes, gradientStart: 0 };
}

/**
 * Stores moments that {@link wideMoments} widened; the second, which moves slowly, is rounded stochastically.
 *
 * @param key decides how it is rounded
 */
export function storeMoments(
  wide: WideMoments,
  firstMoment: Moments,
  secondMoment: Moments,
  start: number,
  end: number,
  key: number,
): void {
  if (wide.firstMoment === firstMoment) return;
  for (let position = start; position < end; position++) {
    firstMoment[position] = toBfloat16(wide.firstMoment[position - start] as number);
    const second = wide.secondMoment[position - start] as number;
    secondMoment[position] = toBfloat16Stochastically(second, key + position);
  }
}
