/** Moments of the selected entries as they are stored, and one chunk's of them in float32 while it is updated. */

import { fromBfloat16, toBfloat16, toBfloat16Stochastically } from "./bfloat16.js";

export const stateTypes = ["float32", "bfloat16"] as const;
export type StateType = (typeof stateTypes)[number];

/** Moments, in float32 or as the bits of bfloat16. */
export type Moments = Float32Array | Uint16Array;

export function createMoments(stateType: StateType, length: number): Moments {
  return stateType === "float32" ? new Float32Array(length) : new Uint16Array(length);
}

/** One chunk's moments in float32, while it is updated, where they are stored in bfloat16. */
export const wideMoments = { first: new Float32Array(0), second: new Float32Array(0) };

/** Brings the moments of one chunk's entries to {@link wideMoments}. */
export function widenMoments(firstMoment: Moments, secondMoment: Moments, start: number, count: number): void {
  if (wideMoments.first.length < count) {
    wideMoments.first = new Float32Array(count);
    wideMoments.second = new Float32Array(count);
  }
  for (let index = 0; index < count; index++) {
    wideMoments.first[index] = fromBfloat16(firstMoment[start + index] as number);
    wideMoments.second[index] = fromBfloat16(secondMoment[start + index] as number);
  }
}

/** Stores what {@link wideMoments} holds; the second moment, which moves slowly, rounded stochastically. */
export function narrowMoments(
  firstMoment: Moments,
  secondMoment: Moments,
  start: number,
  count: number,
  key: number,
): void {
  for (let index = 0; index < count; index++) {
    firstMoment[start + index] = toBfloat16(wideMoments.first[index] as number);
    const second = wideMoments.second[index] as number;
    secondMoment[start + index] = toBfloat16Stochastically(second, key + start + index);
  }
}
