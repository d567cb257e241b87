/**
 * Exact order statistics of magnitudes, in two passes and little memory. The bits of a float32 number without its sign order as its
 * magnitude does: the first pass counts by their upper 16, the second by the lower 16 of those that a wanted rank falls on.
 */

import { listMarked } from "./magnitude-kernel.js";
import { bitsOf, coarseBuckets, magnitudeMask } from "./magnitudes.js";

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

const fineBuckets = 1 << 16;

/** How many of `length` entries a share is: rounded up, and at least one. */
export function countOf(share: number, length: number): number {
  return Math.min(length, Math.max(1, Math.ceil(share * length - 1e-9)));
}

/**
 * The cuts at some ranks, of ascending magnitudes counted from 0.
 * @throws RangeError for a rank that there is not
 */
export function cutsAt(parts: Parts, ranks: readonly number[]): Cut[] {
  const coarse = new Uint32Array(coarseBuckets);
  for (const values of parts()) {
    const bits = bitsOf(values);
    for (let i = 0; i < bits.length; i++) {
      const bucket = ((bits[i] as number) & magnitudeMask) >>> 16;
      coarse[bucket] = (coarse[bucket] as number) + 1;
    }
  }
  return cutsWithin(parts, coarse, placesOf(ranks, coarse));
}

/** More numbers are counted where they are, and not gathered. */
const mostGathered = 1 << 20;

/**
 * As `cutsAt`, where the first pass is done: `coarse` counts the numbers by the upper 16 bits of their magnitudes, and `places` are what
 * it says of the ranks. Of the parts those are enough that are in the buckets of these; numbers in the first bucket count as 0.
 */
export function cutsWithin(parts: Parts, coarse: Uint32Array, places: readonly Place[]): Cut[] {
  const wanted = [...new Set(places.map(({ bucket }) => bucket))].filter((bucket) => bucket > 0).sort((a, b) => a - b);
  const count = wanted.reduce((sum, bucket) => sum + (coarse[bucket] as number), 0);
  const cutFrom = count <= mostGathered ? gatheredCuts(parts, wanted, count) : countedCuts(parts, wanted);
  return places.map((place) => (place.bucket > 0 ? cutFrom(place) : { bits: 0, below: 0, equal: coarse[0] as number }));
}

type CutFrom = (place: Place) => Cut;

/** Orders the numbers by their buckets and the next 8 bits, and sorts those few alone among which a rank is. */
function gatheredCuts(parts: Parts, wanted: readonly number[], count: number): CutFrom {
  const numbers = new Uint32Array(count);
  let end = 0;
  listBuckets(parts, wanted, (magnitudes) => {
    numbers.set(magnitudes, end);
    end += magnitudes.length;
  });
  const slots = slotsOf(wanted);
  const keyOf = (magnitude: number) => (slots[magnitude >>> 16] as number) * 256 + ((magnitude >>> 8) & 0xff);
  const starts = new Uint32Array(wanted.length * 256 + 1);
  for (let i = 0; i < count; i++) {
    const next = keyOf(numbers[i] as number) + 1;
    starts[next] = (starts[next] as number) + 1;
  }
  for (let key = 1; key < starts.length; key++) starts[key] = (starts[key] as number) + (starts[key - 1] as number);
  const ordered = new Uint32Array(count);
  const free = starts.slice();
  for (let i = 0; i < count; i++) {
    const key = keyOf(numbers[i] as number);
    const place = free[key] as number;
    ordered[place] = numbers[i] as number;
    free[key] = place + 1;
  }
  return ({ bucket, before, rank }) => {
    let key = (slots[bucket] as number) * 256;
    const start = starts[key] as number;
    const place = start + rank - before;
    while ((starts[key + 1] as number) <= place) key++;
    ordered.subarray(starts[key], starts[key + 1]).sort();
    const bits = ordered[place] as number;
    let [first, behind] = [place, place + 1];
    while (ordered[first - 1] === bits) first--;
    while (ordered[behind] === bits) behind++;
    return { bits, below: before + first - start, equal: behind - first };
  };
}

/** Counts the numbers by all their bits. */
function countedCuts(parts: Parts, wanted: readonly number[]): CutFrom {
  const slots = slotsOf(wanted);
  const fine = new Uint32Array(wanted.length * fineBuckets);
  listBuckets(parts, wanted, (magnitudes) => {
    for (const magnitude of magnitudes) {
      const place = (slots[magnitude >>> 16] as number) * fineBuckets + (magnitude & 0xffff);
      fine[place] = (fine[place] as number) + 1;
    }
  });
  return ({ bucket, before, rank }) => {
    const start = (slots[bucket] as number) * fineBuckets;
    let below = before;
    for (let low = 0; low < fineBuckets; low++) {
      const equal = fine[start + low] as number;
      if (below + equal > rank) return { bits: bucket * fineBuckets + low, below, equal };
      below += equal;
    }
    throw new RangeError(`there is no number of rank ${rank}`);
  };
}

/** Of each bucket its place among the wanted ones. */
function slotsOf(wanted: readonly number[]): Int16Array {
  const slots = new Int16Array(coarseBuckets);
  for (const [slot, bucket] of wanted.entries()) slots[bucket] = slot;
  return slots;
}

function listBuckets(parts: Parts, wanted: readonly number[], take: (magnitudes: Uint32Array) => void): void {
  const marks = { weights: new Set(wanted), gradient: new Set<number>() };
  for (const values of parts()) listMarked(values, undefined, marks, ({ weights }) => take(weights));
}

/** The coarse bucket that a rank falls into, and how many numbers are in those before it. */
export interface Place {
  readonly bucket: number;
  readonly before: number;
  readonly rank: number;
}

/** @throws RangeError for a rank that there is not */
export function placesOf(ranks: readonly number[], coarse: Uint32Array): Place[] {
  const found = new Map<number, Place>();
  let [bucket, before] = [0, 0];
  for (const rank of ranks.toSorted((a, b) => a - b)) {
    while (bucket < coarse.length && before + (coarse[bucket] as number) <= rank) {
      before += coarse[bucket] as number;
      bucket++;
    }
    if (rank >= 0 && bucket < coarse.length) found.set(rank, { bucket, before, rank });
  }
  return ranks.map((rank) => {
    const place = found.get(rank);
    if (place === undefined) throw new RangeError(`there is no number of rank ${rank}`);
    return place;
  });
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
