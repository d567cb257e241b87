/**
 * Random numbers without a generator to carry along: a number is a hash of what it is for. So a run that is taken up again
 * draws what the uninterrupted one would have drawn.
 */

/** Mixes 32 bits so that every bit of the input changes about half of the output's. */
export function mixBits(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** One 32-bit key for several numbers, each of which is taken modulo 2^32. */
export function mixKeys(...keys: readonly number[]): number {
  return keys.reduce((mixed, key) => mixBits((mixed + 0x9e3779b9 + (key >>> 0)) >>> 0), 0);
}

/** A 32-bit key of a text, such as a tensor's name. */
export function textKey(text: string): number {
  let mixed = text.length;
  for (let index = 0; index < text.length; index++) mixed = mixBits((mixed + text.charCodeAt(index)) >>> 0);
  return mixed;
}
