/**
 * Conversions between float32 and the 16-bit float formats of checkpoints. A 16-bit value is held as its bits in a
 * Uint16Array. Narrowing rounds to nearest, ties to even; too large values become infinities and NaN stays NaN.
 * Source and target have the same length, else a RangeError is thrown.
 */
import { bfloat16OfBits, type WeightArray } from "@nanoadam/optim";

const blockLength = 4096;

/** The values as float32: themselves, or bfloat16 widened into the beginning of `buffer`, which is as long at least, or into memory of its own. */
export function asFloat32(values: WeightArray, buffer?: Float32Array): Float32Array {
  if (values instanceof Float32Array) return values;
  const widened = buffer?.subarray(0, values.length) ?? new Float32Array(values.length);
  widenBfloat16(values, widened);
  return widened;
}

/** The index of the first value that is NaN or infinite; undefined where all are finite. */
export function nonFiniteIndex(values: WeightArray): number | undefined {
  const isWide = values instanceof Float32Array;
  if (isWide && Number.isFinite(sumOf(values))) return undefined;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    if (isWide ? !Number.isFinite(value) : (value & 0x7f80) === 0x7f80) return index;
  }
  return undefined;
}

/** In double precision, where float32 numbers add up to a finite one if all of them are finite; four sums, as none waits for another. */
function sumOf(values: Float32Array): number {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  const whole = values.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    first += values[i] as number;
    second += values[i + 1] as number;
    third += values[i + 2] as number;
    fourth += values[i + 3] as number;
  }
  for (let i = whole; i < values.length; i++) first += values[i] as number;
  return first + second + third + fourth;
}

/**
 * Writes the float32 value of each bfloat16 of `source` into `target`; exact. Where they lie at a multiple of four bytes, two
 * are read at a time, which is a third faster.
 */
export function widenBfloat16(source: Uint16Array, target: Float32Array): void {
  requireSameLength(source, target);
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const pairs = source.byteOffset % 4 === 0 ? source.length >>> 1 : 0;
  if (pairs > 0) {
    const words = new Uint32Array(source.buffer, source.byteOffset, pairs);
    for (let pair = 0; pair < pairs; pair++) {
      const word = words[pair] as number;
      bits[2 * pair] = word << 16;
      bits[2 * pair + 1] = word & 0xffff0000;
    }
  }
  for (let i = 2 * pairs; i < source.length; i++) bits[i] = (source[i] as number) << 16;
}

/** Writes the bfloat16 nearest to each float32 of `source` into `target`. */
export function narrowToBfloat16(source: Float32Array, target: Uint16Array): void {
  requireSameLength(source, target);
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < source.length; i++) target[i] = bfloat16OfBits(bits[i] as number);
}

/** Writes the float32 value of each IEEE half-precision number of `source` into `target`; exact. */
export function widenFloat16(source: Uint16Array, target: Float32Array): void {
  requireSameLength(source, target);
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) {
    const half = source[i] as number;
    const sign = (half & 0x8000) << 16;
    const exponent = half & 0x7c00;
    const fraction = half & 0x3ff;
    if (exponent === 0) target[i] = (sign === 0 ? fraction : -fraction) * 2 ** -24;
    else if (exponent === 0x7c00) bits[i] = sign | 0x7f800000 | (fraction << 13);
    else bits[i] = sign | (((half & 0x7fff) << 13) + 0x38000000);
  }
}

/** Writes the IEEE half-precision number nearest to each float32 of `source` into `target`. */
export function narrowToFloat16(source: Float32Array, target: Uint16Array): void {
  requireSameLength(source, target);
  const block = new Float32Array(blockLength);
  const bits = new Uint32Array(block.buffer);
  const single = new Float32Array(1);
  const singleBits = new Uint32Array(single.buffer);
  for (let start = 0; start < source.length; start += blockLength) {
    const length = Math.min(blockLength, source.length - start);
    block.set(source.subarray(start, start + length));
    for (let i = 0; i < length; i++) {
      const word = bits[i] as number;
      const magnitude = word & 0x7fffffff;
      let half: number;
      if (magnitude > 0x7f800000) half = 0x7e00;
      else if (magnitude >= 0x47800000) half = 0x7c00;
      else if (magnitude < 0x38800000) {
        // Below 2^-14 the halves are the multiples of 2^-24, which is the float32 spacing just above 0.5: the addition rounds.
        single[0] = Math.abs(block[i] as number) + 0.5;
        half = (singleBits[0] as number) - 0x3f000000;
      } else half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
      target[start + i] = ((word >>> 16) & 0x8000) | half;
    }
  }
}

function requireSameLength(source: ArrayLike<number>, target: ArrayLike<number>): void {
  if (source.length !== target.length) {
    throw new RangeError(`${source.length} numbers cannot be converted into an array of ${target.length}`);
  }
}
