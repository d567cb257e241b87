import { randomSites } from "../random-streams.js";
import { shuffledIndices } from "./shuffle.js";

/** Examples of like length together, of eight batches at a time; or whatever chance brings together. */
export const samplings = ["by-length", "random"] as const;
export type Sampling = (typeof samplings)[number];

export interface BatchOptions {
  readonly batchSize: number;
  /** The order of training, a pure function of seed and epoch; undefined for the fixed order of evaluation. */
  readonly shuffle: { readonly seed: number; readonly epoch: number } | undefined;
  /** How chance makes up the batches of training; `by-length` if not given. */
  readonly sampling?: Sampling | undefined;
  /** Padded sizes are multiples of this, so that few shapes occur; 8 if not given. */
  readonly bucketMultiple?: number | undefined;
  /** No padded size is above this (the largest that the model takes, or that examples were cut to). */
  readonly maximumSize?: number | undefined;
}

/** Which examples form a batch, and the size (tokens of a row, say) that they are padded to. */
export interface BatchPlan {
  readonly indices: readonly number[];
  readonly size: number;
}

/**
 * Few, so that batches of one length are still of mixed kinds: with 50, where length goes with the source of a text (STS-B),
 * the same runs ended with a loss 4 to 6 % higher.
 */
const batchesPerMegabatch = 8;

/**
 * Groups examples of similar size (tokens of each, say) into batches, every example in exactly one.
 *
 * With `shuffle`: examples are shuffled, cut into stretches of 8 batches, sorted by size within each stretch, cut into
 * batches, and the batches are shuffled; with the sampling `random` the stretch is one batch. Equal sizes stay as they were shuffled:
 * by index, the rows of a file that is sorted by class would make batches of one class, and images, which are all of one size,
 * nothing else. Without: all examples are sorted by size (equal ones by index), so `indices` is
 * needed to bring results back into the order of the examples. One batch may be smaller than `batchSize`.
 */
export function planBatches(sizes: ArrayLike<number>, options: BatchOptions): BatchPlan[] {
  const {
    batchSize,
    shuffle,
    sampling = "by-length",
    bucketMultiple = 8,
    maximumSize = Number.POSITIVE_INFINITY,
  } = options;
  requirePositiveInteger("batchSize", batchSize);
  requirePositiveInteger("bucketMultiple", bucketMultiple);
  const sizeOf = (index: number) => sizes[index] as number;
  const bySize = (indices: number[]) => indices.sort((a, b) => sizeOf(a) - sizeOf(b));

  const order = shuffle
    ? [...shuffledIndices(sizes.length, shuffle.seed, randomSites.exampleOrder, shuffle.epoch)]
    : Array.from({ length: sizes.length }, (_, index) => index);
  const together = (sampling === "random" ? 1 : batchesPerMegabatch) * batchSize;
  const stretch = shuffle ? together : Math.max(1, order.length);
  const batches: BatchPlan[] = [];
  for (let start = 0; start < order.length; start += stretch) {
    const sorted = bySize(order.slice(start, start + stretch));
    for (let first = 0; first < sorted.length; first += batchSize) {
      const indices = sorted.slice(first, first + batchSize);
      const largest = sizeOf(indices.at(-1) ?? 0);
      const padded = Math.max(1, Math.ceil(largest / bucketMultiple)) * bucketMultiple;
      batches.push({ indices, size: Math.max(largest, Math.min(padded, maximumSize)) });
    }
  }
  if (!shuffle) return batches;
  const batchOrder = shuffledIndices(batches.length, shuffle.seed, randomSites.batchOrder, shuffle.epoch);
  return Array.from(batchOrder, (index) => batches[index] as BatchPlan);
}

function requirePositiveInteger(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name} is ${value}, expected a positive integer`);
}
