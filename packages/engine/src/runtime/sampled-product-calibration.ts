/**
 * Measures, on the machine that will compute them, up to which density sampled products are faster than an engine's whole
 * ones. It takes a fifth of a second for a weight of 768 x 768, twice that on a busy machine, and less for smaller ones.
 */
import { input, tensorFunction } from "../graph/function.js";
import { matmul } from "../graph/matmul.js";
import { uniform } from "../kernels/random.js";
import type { ChunkedEntries, SampledProduct } from "../kernels/sampled-product.js";
import { FastestRun } from "./fastest-run.js";
import type { Runtime } from "./runtime.js";
import {
  highDensity,
  lowDensity,
  type MeasuredTimes,
  type ProductTimes,
  sampledBound,
} from "./sampled-product-bound.js";
import { createSampledProduct } from "./sampled-product-threads.js";

/** A linear weight's gradient: left^T right of factors [tokens, rows] and [tokens, columns]. */
export interface ProductSizes {
  readonly tokens: number;
  readonly rows: number;
  readonly columns: number;
}

export interface CalibrationOptions {
  readonly threads: number;
  /** The engine of the whole products, on so many threads. */
  readonly runtime: (options: { readonly threads: number }) => Runtime;
}

/** Longer sides are measured as if they were so long: beyond that the bound hardly changes, and rises if it does. */
const longestSide = 1024;
const fewestRounds = 12;
const mostRounds = 80;
/** For the rounds of one size. */
const budgetMilliseconds = 350;

/**
 * For each of the sizes, the density from 0 to 0.5 up to which a sampled product is faster than the whole one, both on
 * `threads` threads; see {@link sampledBound}. Products are run by turns and the fastest run of each counts, so that other work
 * on the machine does little harm: the busier it is, the longer they run.
 *
 * The whole product's call is not counted, as in a step it is a part of a larger function; nor is taking the selected
 * entries from it, so that the bound errs towards the whole product.
 */
export async function measureSampledBounds(
  sizes: readonly ProductSizes[],
  { threads, runtime }: CalibrationOptions,
): Promise<number[]> {
  const alone = workshop(1, runtime);
  const together = threads > 1 ? workshop(threads, runtime) : alone;
  const workshops = new Set([alone, together]);
  try {
    for (const { kernel } of workshops) await kernel.ready();
    const bounds: number[] = [];
    for (const each of sizes) bounds.push(sampledBound(await measureTimes(each, alone, together)));
    return bounds;
  } finally {
    for (const { kernel } of workshops) await kernel.release();
  }
}

/** What computes products of both kinds on a number of threads. */
interface Workshop {
  readonly threads: number;
  readonly runtime: Runtime;
  readonly kernel: SampledProduct;
}

function workshop(threads: number, runtime: CalibrationOptions["runtime"]): Workshop {
  return { threads, runtime: runtime({ threads }), kernel: createSampledProduct({ threads }) };
}

async function measureTimes(sizes: ProductSizes, alone: Workshop, together: Workshop): Promise<MeasuredTimes> {
  const measured = {
    tokens: Math.min(sizes.tokens, longestSide),
    rows: Math.min(sizes.rows, longestSide),
    columns: Math.min(sizes.columns, longestSide),
  };
  const rivalsAlone = await rivalsIn(alone, measured);
  const rivalsTogether = together === alone ? rivalsAlone : await rivalsIn(together, measured);
  const rivals = new Set([rivalsAlone, rivalsTogether]);
  const nothing = await wholeProduct(together.runtime, { tokens: 1, rows: 1, columns: 1 });
  const call = new FastestRun(nothing.run);
  const timed = [call, ...[...rivals].flatMap(({ whole, low, high }) => [whole, low, high])];
  try {
    const started = performance.now();
    for (let round = 0; round < mostRounds; round++) {
      const isOver = performance.now() - started > budgetMilliseconds || timed.every(({ isConfirmed }) => isConfirmed);
      if (round >= fewestRounds && isOver) break;
      await call.time();
      // One sampled product after a whole one: after another it would find caches and threads warm, which it never does in a step.
      for (const { whole, low, high } of rivals) {
        await whole.time();
        await (round % 2 === 0 ? low : high).time();
      }
    }
  } finally {
    await nothing.release();
    for (const { release } of rivals) await release();
  }
  return {
    threads: together.threads,
    alone: timesOf(rivalsAlone),
    together: timesOf(rivalsTogether),
    call: call.milliseconds,
  };
}

/** The products of one size on one number of threads. */
interface Rivals {
  readonly whole: FastestRun;
  readonly low: FastestRun;
  readonly high: FastestRun;
  readonly release: () => Promise<void>;
}

function timesOf({ whole, low, high }: Rivals): ProductTimes {
  return { whole: whole.milliseconds, low: low.milliseconds, high: high.milliseconds };
}

async function rivalsIn({ runtime, kernel }: Workshop, sizes: ProductSizes): Promise<Rivals> {
  const whole = await wholeProduct(runtime, sizes);
  const { left, right } = whole.factors;
  const sampled = (density: number): FastestRun => {
    const entries = spreadEntries(sizes.rows * sizes.columns, density);
    const sums = new Float32Array(entries.offsets.length);
    return new FastestRun(() => {
      kernel.setRight(right, sizes.tokens);
      kernel.add(left, entries, sums);
    });
  };
  return {
    whole: new FastestRun(whole.run),
    low: sampled(lowDensity),
    high: sampled(highDensity),
    release: whole.release,
  };
}

async function wholeProduct(runtime: Runtime, { tokens, rows, columns }: ProductSizes) {
  const [left, right] = [input("float32", [tokens, rows]), input("float32", [tokens, columns])];
  const named = [
    { name: "left", value: left },
    { name: "right", value: right },
  ];
  const whole = { name: "whole", value: matmul(left, right, { transposeA: true }) };
  const compiled = await runtime.compile(tensorFunction("whole product", named, [whole]));
  const factors = { left: ones(tokens * rows), right: ones(tokens * columns) };
  const memory = new Map(Object.entries({ ...factors, whole: new Float32Array(rows * columns) }));
  return { factors, run: compiled.bind(memory), release: () => compiled.release() };
}

const ones = (length: number) => new Float32Array(length).fill(1);

/** Of each stretch of 1 / density entries of a matrix of `length`, one by chance. */
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
