/**
 * bfloat16, the high half of a float32, kept in a Uint16Array.
 *
 * Rounding is stochastic where a moving average is kept in it: a second moment changes by a thousandth of itself in a step,
 * bfloat16 has steps of 1/256, so that rounding to nearest would freeze it. Rounded up with the probability of what is cut
 * off, it moves as it should on average.
 */

import { mixBits } from "./random.js";

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/**
 * The bits of the bfloat16 nearest to a float32, of which the bits are given: ties to even, too large values infinite, and NaN
 * stays NaN.
 */
export function bfloat16OfBits(bits: number): number {
  const isNotANumber = (bits & 0x7fffffff) > 0x7f800000;
  return isNotANumber ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The bfloat16 nearest to a value, as {@link bfloat16OfBits}. */
export function toBfloat16(value: number): number {
  scratch[0] = value;
  return bfloat16OfBits(scratchBits[0] as number);
}

/**
 * One of the two bfloat16 neighbours of a finite float32, of which the bits are given: the nearer one more probably.
 *
 * @param key decides; uniform over 32 bits for another one each time
 */
export function bfloat16OfBitsStochastically(bits: number, key: number): number {
  return (bits + (mixBits(key) & 0xffff)) >>> 16;
}

export function fromBfloat16(half: number): number {
  scratchBits[0] = half << 16;
  return scratch[0] as number;
}
