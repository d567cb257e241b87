import { shuffledIndices, shuffleSites } from "./shuffle.js";

export interface BatchOptions {
  readonly batchSize: number;
  /** The order of training, a pure function of seed and epoch; undefined for the fixed order of evaluation. */
  readonly shuffle: { readonly seed: number; readonly epoch: number } | undefined;
  /** Padded lengths are multiples of this, so that few shapes occur; 8 if not given. */
  readonly bucketMultiple?: number | undefined;
  /** No padded length is above this (the longest that the model takes, or that examples were cut to). */
  readonly maxLength?: number | undefined;
}

/** Which examples form a batch, and the tokens per row that they are padded to. */
export interface BatchPlan {
  readonly indices: number[];
  readonly length: number;
}

/** What a batch needs of an encoded example. */
export interface TokenizedExample {
  readonly ids: ArrayLike<number>;
  readonly typeIds: ArrayLike<number>;
}

/** Row-major arrays of shape [batchSize, length]; the mask is 1 on tokens and 0 on padding. */
export interface TokenBatch {
  readonly batchSize: number;
  readonly length: number;
  readonly inputIds: Int32Array;
  readonly attentionMask: Int32Array;
  readonly tokenTypeIds: Int32Array;
}

/**
 * Few, so that batches of one length are still of mixed kinds: with 50, where length goes with the source of a text (STS-B),
 * the same runs ended with a loss 4 to 6 % higher.
 */
const batchesPerMegabatch = 8;

/**
 * Groups examples of similar length (tokens per example in `lengths`) into batches, every example in exactly one.
 *
 * With `shuffle`: examples are shuffled, cut into stretches of 8 batches, sorted by length within each stretch, cut into
 * batches, and the batches are shuffled. Without: all examples are sorted by length (equal ones by index), so `indices` is
 * needed to bring results back into the order of the examples. One batch may be smaller than `batchSize`.
 */
export function planBatches(lengths: ArrayLike<number>, options: BatchOptions): BatchPlan[] {
  const { batchSize, shuffle, bucketMultiple = 8, maxLength = Number.POSITIVE_INFINITY } = options;
  requirePositiveInteger("batchSize", batchSize);
  requirePositiveInteger("bucketMultiple", bucketMultiple);
  const lengthOf = (index: number) => lengths[index] as number;
  const byLength = (indices: number[]) => indices.sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);

  const order = shuffle
    ? [...shuffledIndices(lengths.length, shuffle.seed, shuffleSites.rows, shuffle.epoch)]
    : Array.from({ length: lengths.length }, (_, index) => index);
  const stretch = shuffle ? batchesPerMegabatch * batchSize : Math.max(1, order.length);
  const batches: BatchPlan[] = [];
  for (let start = 0; start < order.length; start += stretch) {
    const sorted = byLength(order.slice(start, start + stretch));
    for (let first = 0; first < sorted.length; first += batchSize) {
      const indices = sorted.slice(first, first + batchSize);
      const longest = lengthOf(indices.at(-1) ?? 0);
      const padded = Math.max(1, Math.ceil(longest / bucketMultiple)) * bucketMultiple;
      batches.push({ indices, length: Math.max(longest, Math.min(padded, maxLength)) });
    }
  }
  if (!shuffle) return batches;
  const batchOrder = shuffledIndices(batches.length, shuffle.seed, shuffleSites.batchOrder, shuffle.epoch);
  return Array.from(batchOrder, (index) => batches[index] as BatchPlan);
}

/** Lays the planned examples out as one batch, filled up with `padId` (token type 0, mask 0) on the right. */
export function collate(examples: readonly TokenizedExample[], plan: BatchPlan, padId: number): TokenBatch {
  const batchSize = plan.indices.length;
  const { length } = plan;
  const inputIds = new Int32Array(batchSize * length).fill(padId);
  const attentionMask = new Int32Array(batchSize * length);
  const tokenTypeIds = new Int32Array(batchSize * length);
  for (const [row, index] of plan.indices.entries()) {
    const example = examples[index];
    if (!example || example.ids.length > length) {
      throw new RangeError(`example ${index} does not fit a batch of ${length} tokens per row`);
    }
    const start = row * length;
    inputIds.set(example.ids, start);
    tokenTypeIds.set(example.typeIds, start);
    attentionMask.fill(1, start, start + example.ids.length);
  }
  return { batchSize, length, inputIds, attentionMask, tokenTypeIds };
}

function requirePositiveInteger(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name} is ${value}, expected a positive integer`);
}
