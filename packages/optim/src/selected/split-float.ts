/**
 * A float32 weight in two halves: the bfloat16 nearest to it, and its low bits, a signed 16-bit number of units in the float32's
 * last place. As bits, `weight = half * 65,536 + low bits`.
 *
 * The half is what is stored, for every entry; the low bits are held for selected entries only. So a model in bfloat16 learns by
 * steps far smaller than its precision, and its stored weights are rounded ones at any moment: an entry that leaves the
 * selection has its low bits dropped and is rounded by that, and a checkpoint can be saved as the weights stand. (With the
 * upper half cut off instead of rounded, the low bits would be unsigned, and both would need a pass over the selection.)
 */
import { nonFiniteEntry } from "../selection/select.js";

// One chunk at a time in float32.
let chunkValues = new Float32Array(0);
let chunkBits = new Uint32Array(0);

/** A chunk's weights in float32, by offset; valid until the next one is asked for. */
export interface WideChunk {
  readonly values: Float32Array;
  /** Of the same memory. */
  readonly bits: Uint32Array;
}

function wideChunk(length: number): WideChunk {
  if (chunkValues.length < length) {
    chunkValues = new Float32Array(length);
    chunkBits = new Uint32Array(chunkValues.buffer);
  }
  return { values: chunkValues, bits: chunkBits };
}

/**
 * All weights of a chunk, the low bits of the entries that have one included.
 *
 * @param offsets the `count` entries that have one
 * @throws RangeError where a weight is NaN or infinite.
 */
export function widenChunk(
  halves: Uint16Array,
  chunkStart: number,
  chunkLength: number,
  offsets: Uint16Array,
  lowBits: Int16Array,
  count: number,
  name: string,
): WideChunk {
  const wide = wideChunk(chunkLength);
  const { bits } = wide;
  let largest = 0;
  for (let offset = 0; offset < chunkLength; offset++) {
    const half = halves[chunkStart + offset] as number;
    largest = Math.max(largest, half & 0x7fff);
    bits[offset] = half << 16;
  }
  if (largest >= 0x7f80) throw nonFiniteEntry(bits, 0, chunkLength, name, chunkStart);
  for (let index = 0; index < count; index++) {
    const offset = offsets[index] as number;
    bits[offset] = (bits[offset] as number) + (lowBits[index] as number);
  }
  return wide;
}

/** The weights of a chunk's selected entries, those at `offsets[start .. end)`; the others are not written. */
export function joinSelected(
  halves: Uint16Array,
  chunkStart: number,
  chunkLength: number,
  offsets: Uint16Array,
  lowBits: Int16Array,
  start: number,
  end: number,
): WideChunk {
  const wide = wideChunk(chunkLength);
  const { bits } = wide;
  for (let position = start; position < end; position++) {
    const offset = offsets[position] as number;
    bits[offset] = ((halves[chunkStart + offset] as number) << 16) + (lowBits[position] as number);
  }
  return wide;
}

/** Stores the weights of a chunk's selected entries as halves and low bits. */
export function splitSelected(
  { bits }: WideChunk,
  halves: Uint16Array,
  chunkStart: number,
  offsets: Uint16Array,
  lowBits: Int16Array,
  start: number,
  end: number,
): void {
  for (let position = start; position < end; position++) {
    const offset = offsets[position] as number;
    const word = bits[offset] as number;
    // Storing cuts the upper 16 bits off, which leaves the signed difference from the half.
    halves[chunkStart + offset] = (word + 0x8000) >>> 16;
    lowBits[position] = word;
  }
}
