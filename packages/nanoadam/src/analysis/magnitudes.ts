/** Magnitudes as the bits of float32 numbers without their sign, which order as they do, and in buckets by the upper 16 of them. */

export const magnitudeMask = 0x7fffffff;
/** Magnitudes by their upper 16 bits, the sign left out. Those of the first, below 1e-40, count as 0. */
export const coarseBuckets = 1 << 15;

/** The float32 bits of numbers, on the same memory. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** The numbers that float32 bits spell, on the same memory. */
export function floatsOf(bits: Uint32Array): Float32Array {
  return new Float32Array(bits.buffer, bits.byteOffset, bits.length);
}

const converter = new Float32Array(1);
const converterBits = bitsOf(converter);

/** The number that float32 bits spell. */
export function numberOf(bits: number): number {
  converterBits[0] = bits;
  return converter[0] as number;
}
