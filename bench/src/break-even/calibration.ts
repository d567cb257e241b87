/**
 * Measures up to which density sampled products are faster than ONNX Runtime's whole ones on this machine. It takes a fifth
 * of a second for a weight of 768 x 768, twice that on a busy machine, and less for smaller ones.
 */
import { type ChunkedEntries, type SampledProduct, uniform } from "@nanoadam/engine";
import { createSampledProduct } from "@nanoadam/engine/node";
import { boundProduct } from "../bound-product.js";
import { highDensity, lowDensity, type MeasuredTimes, type ProductTimes, sampledBound } from "./bound.js";
import { FastestRun } from "./fastest-run.js";

/** A linear weight's gradient: left^T right of factors [tokens, rows] and [tokens, columns]. */
export interface ProductSizes {
  readonly tokens: number;
  readonly rows: number;
  readonly columns: number;
}

/** Longer sides are measured as if they were this long: beyond it the bound hardly changes, and rises if it does. */
const longestSide = 1024;
const fewestRounds = 12;
const mostRounds = 80;
/** For the rounds of one size. */
const budgetMilliseconds = 350;

/**
 * For each of the sizes, the density from 0 to 0.5 up to which a sampled product is faster than the whole one, both on
 * `threads` threads; see {@link sampledBound}. Products are run by turns and the fastest run of each counts, so that other
 * work on the machine does little harm: the busier it is, the longer they run.
 *
 * The whole product's call is not counted, as in a step it is a part of a larger function; nor is taking the selected
 * entries from it, so that the bound errs towards the whole product.
 */
export async function measureBounds(sizes: readonly ProductSizes[], threads: number): Promise<number[]> {
  const alone: Threads = { count: 1, kernel: createSampledProduct({ threads: 1 }) };
  const together = threads > 1 ? { count: threads, kernel: createSampledProduct({ threads }) } : alone;
  const both = new Set([alone, together]);
  try {
    for (const { kernel } of both) await kernel.ready();
    const bounds: number[] = [];
    for (const each of sizes) bounds.push(sampledBound(await measureTimes(each, alone, together)));
    return bounds;
  } finally {
    for (const { kernel } of both) await kernel.release();
  }
}

/** A number of threads, and the kernel that computes sampled products on them. */
interface Threads {
  readonly count: number;
  readonly kernel: SampledProduct;
}

async function measureTimes(sizes: ProductSizes, alone: Threads, together: Threads): Promise<MeasuredTimes> {
  const measured = {
    tokens: Math.min(sizes.tokens, longestSide),
    rows: Math.min(sizes.rows, longestSide),
    columns: Math.min(sizes.columns, longestSide),
  };
  const productsAlone = await productsOn(alone, measured);
  const productsTogether = together === alone ? productsAlone : await productsOn(together, measured);
  const products = new Set([productsAlone, productsTogether]);
  const nothing = await wholeProduct({ tokens: 1, rows: 1, columns: 1 }, together.count);
  const call = new FastestRun(nothing.run);
  const timed = [call, ...[...products].flatMap(({ whole, low, high }) => [whole, low, high])];
  try {
    const started = performance.now();
    for (let round = 0; round < mostRounds; round++) {
      const isOver = performance.now() - started > budgetMilliseconds || timed.every(({ isConfirmed }) => isConfirmed);
      if (round >= fewestRounds && isOver) break;
      await call.time();
      // One sampled product after a whole one: after another it would find caches and threads warm, which it never does in a step.
      for (const { whole, low, high } of products) {
        await whole.time();
        await (round % 2 === 0 ? low : high).time();
      }
    }
  } finally {
    await nothing.release();
    for (const { release } of products) await release();
  }
  return {
    threads: together.count,
    alone: timesOf(productsAlone),
    together: timesOf(productsTogether),
    call: call.milliseconds,
  };
}

/** The products of one size that are timed on a number of threads. */
interface TimedProducts {
  readonly whole: FastestRun;
  /** Of the fraction `lowDensity` of the entries. */
  readonly low: FastestRun;
  /** Of the fraction `highDensity` of the entries. */
  readonly high: FastestRun;
  readonly release: () => Promise<void>;
}

function timesOf({ whole, low, high }: TimedProducts): ProductTimes {
  return { whole: whole.milliseconds, low: low.milliseconds, high: high.milliseconds };
}

async function productsOn({ count, kernel }: Threads, sizes: ProductSizes): Promise<TimedProducts> {
  const { left, right, run, release } = await wholeProduct(sizes, count);
  const sampled = (density: number): FastestRun => {
    const entries = spreadEntries(sizes.rows * sizes.columns, density);
    const sums = new Float32Array(entries.offsets.length);
    return new FastestRun(() => {
      kernel.setRight(right, sizes.tokens);
      kernel.add(left, entries, sums);
    });
  };
  return { whole: new FastestRun(run), low: sampled(lowDensity), high: sampled(highDensity), release };
}

function wholeProduct({ tokens, rows, columns }: ProductSizes, threads: number) {
  const sides = [
    [tokens, rows],
    [tokens, columns],
  ] as const;
  return boundProduct(sides, { transposeA: true }, threads);
}

/** One entry by chance of each stretch of 1 / density entries of a matrix of `length`. */
function spreadEntries(length: number, density: number): ChunkedEntries {
  const chunkSize = 32_768;
  const count = Math.max(1, Math.floor(length * density));
  const stretch = length / count;
  const starts = new Uint32Array(Math.ceil(length / chunkSize) + 1);
  const offsets = new Uint16Array(count);
  for (let position = 0; position < count; position++) {
    const entry = Math.floor(position * stretch + (stretch - 1) * uniform({ seed: 0, step: 0, site: 0 }, position));
    offsets[position] = entry % chunkSize;
    // Whatever comes last in a chunk ends it. A chunk has over a thousand; only the last one, if it is short, may have none.
    starts[Math.floor(entry / chunkSize) + 1] = position + 1;
  }
  starts[starts.length - 1] = count;
  return { chunkSize, starts, offsets };
}
