/**
 * Exact order statistics of magnitudes, in two passes and little memory. The bits of a float32 number without its sign order as its
 * magnitude does: the first pass counts by their upper 16, the second by the lower 16 of those that a wanted rank falls on.
 */

/** The number at a rank of ascending magnitudes, and how many there are on its one side. */
export interface Cut {
  /** The magnitude's float32 bits. */
  readonly bits: number;
  /** Numbers of smaller magnitude. */
  readonly below: number;
  /** Numbers of this very magnitude, itself included. */
  readonly equal: number;
}

/** Numbers in several arrays, which may be asked for twice. */
export type Parts = () => Iterable<Float32Array>;

export const magnitudeMask = 0x7fffffff;
/** Magnitudes by their upper 16 bits, the sign left out. */
export const coarseBuckets = 1 << 15;
const fineBuckets = 1 << 16;

/** The float32 bits of numbers, on the same memory. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

const converter = new Float32Array(1);
const converterBits = bitsOf(converter);

/** The number that float32 bits spell. */
export function numberOf(bits: number): number {
  converterBits[0] = bits;
  return converter[0] as number;
}

/** How many of `length` entries a share is: rounded up, and at least one. */
export function countOf(share: number, length: number): number {
  return Math.min(length, Math.max(1, Math.ceil(share * length - 1e-9)));
}

/**
 * The cuts at some ranks, of ascending magnitudes counted from 0.
 * @throws RangeError for a rank that there is not
 */
export function cutsAt(parts: Parts, ranks: readonly number[]): Cut[] {
  const sorted = sortedFew(parts);
  if (sorted !== undefined) return ranks.map((rank) => cutOf(sorted, rank));
  const coarse = new Uint32Array(coarseBuckets);
  for (const values of parts()) {
    const bits = bitsOf(values);
    for (let i = 0; i < bits.length; i++) {
      const bucket = ((bits[i] as number) & magnitudeMask) >>> 16;
      coarse[bucket] = (coarse[bucket] as number) + 1;
    }
  }
  return cutsWithin(parts, coarse, ranks);
}

/** Fewer numbers are sorted sooner than counted. */
const few = 1 << 14;

/** The magnitudes' bits in their order, of few numbers. */
function sortedFew(parts: Parts): Uint32Array | undefined {
  const all = [...parts()];
  if (all.reduce((sum, { length }) => sum + length, 0) > few) return undefined;
  return Uint32Array.from(all.flatMap((values) => [...bitsOf(values)].map((bits) => bits & magnitudeMask))).sort();
}

function cutOf(sorted: Uint32Array, rank: number): Cut {
  const bits = sorted[rank];
  if (bits === undefined) throw new RangeError(`there is no number of rank ${rank} among ${sorted.length}`);
  const below = sorted.indexOf(bits);
  return { bits, below, equal: sorted.lastIndexOf(bits) - below + 1 };
}

/** As `cutsAt`, where the first pass is done: `coarse` counts the numbers by the upper 16 bits of their magnitudes. */
export function cutsWithin(parts: Parts, coarse: Uint32Array, ranks: readonly number[]): Cut[] {
  const sorted = sortedFew(parts);
  if (sorted !== undefined) return ranks.map((rank) => cutOf(sorted, rank));
  const places = ranks.map((rank) => placeOf(rank, coarse));
  const slots = new Int16Array(coarseBuckets).fill(-1);
  const wanted = [...new Set(places.map(({ bucket }) => bucket))];
  for (const [slot, bucket] of wanted.entries()) slots[bucket] = slot;
  const fine = new Uint32Array(wanted.length * fineBuckets);
  for (const values of parts()) {
    const bits = bitsOf(values);
    for (let i = 0; i < bits.length; i++) {
      const magnitude = (bits[i] as number) & magnitudeMask;
      const slot = slots[magnitude >>> 16] as number;
      if (slot < 0) continue;
      const place = slot * fineBuckets + (magnitude & 0xffff);
      fine[place] = (fine[place] as number) + 1;
    }
  }
  return places.map(({ bucket, before, rank }) => {
    const start = (slots[bucket] as number) * fineBuckets;
    let below = before;
    for (let low = 0; low < fineBuckets; low++) {
      const equal = fine[start + low] as number;
      if (below + equal > rank) return { bits: bucket * fineBuckets + low, below, equal };
      below += equal;
    }
    throw new RangeError(`there is no number of rank ${rank}`);
  });
}

/** The coarse bucket that a rank falls into, and how many numbers are in those before it. */
export function placeOf(rank: number, coarse: Uint32Array) {
  let before = 0;
  for (let bucket = 0; bucket < coarse.length; bucket++) {
    const count = coarse[bucket] as number;
    if (rank >= 0 && before + count > rank) return { bucket, before, rank };
    before += count;
  }
  throw new RangeError(`there is no number of rank ${rank} among ${before}`);
}

/**
 * The share of numbers of a cut's magnitude that belong to a set of so many: as ties have no order, each of them belongs to it
 * by that part.
 * @param side which numbers the set has: the smallest, or the largest
 */
export function tiePart({ below, equal }: Cut, side: "smallest" | "largest", count: number, length: number): number {
  const sure = side === "smallest" ? below : length - below - equal;
  return (count - sure) / equal;
}
