/** The smallest of many numbers by magnitude, found without sorting them: where they end, and then those that they are. */

/** Up to which magnitude numbers are chosen. */
export interface MagnitudeCut {
  /** The bits of a float32 magnitude: what is below is chosen. */
  readonly bits: number;
  /** How many of those that are just as large are chosen too, the first ones. */
  readonly ties: number;
}

const magnitudeMask = 0x7fffffff;

/**
 * The cut that chooses the `count` smallest magnitudes of some arrays together.
 * @param read gives the arrays; called twice, so that only one need be in memory at a time
 * @param count at most as many as there are numbers
 */
export async function smallestMagnitudes(
  read: () => AsyncIterable<Float32Array>,
  count: number,
): Promise<MagnitudeCut> {
  const high = await histogram(read, (bits) => bits >>> 16);
  const [highPart, left] = binOf(high, count);
  const low = await histogram(read, (bits) => (bits >>> 16 === highPart ? bits & 0xffff : undefined));
  const [lowPart, ties] = binOf(low, left);
  return { bits: highPart * 2 ** 16 + lowPart, ties };
}

async function histogram(
  read: () => AsyncIterable<Float32Array>,
  binOfBits: (bits: number) => number | undefined,
): Promise<Float64Array> {
  const counts = new Float64Array(2 ** 16);
  for await (const values of read()) {
    for (const bits of new Uint32Array(values.buffer, values.byteOffset, values.length)) {
      const bin = binOfBits(bits & magnitudeMask);
      if (bin !== undefined) counts[bin] = (counts[bin] as number) + 1;
    }
  }
  return counts;
}

/** The bin in which the `count` smallest end, and how many of its numbers are among them. */
function binOf(counts: Float64Array, count: number): [bin: number, inBin: number] {
  let left = count;
  for (const [bin, size] of counts.entries()) {
    if (left <= size) return [bin, left];
    left -= size;
  }
  throw new RangeError(`${count} numbers were asked for, and there are not so many`);
}

/**
 * Sets the chosen numbers to 0.
 * @returns the cut that is left for further arrays
 */
export function zeroSmallest(values: Float32Array, { bits, ties }: MagnitudeCut): MagnitudeCut {
  let left = ties;
  const own = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let entry = 0; entry < own.length; entry++) {
    const magnitude = (own[entry] as number) & magnitudeMask;
    if (magnitude > bits || (magnitude === bits && left === 0)) continue;
    if (magnitude === bits) left--;
    values[entry] = 0;
  }
  return { bits, ties: left };
}
