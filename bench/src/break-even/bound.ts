/** From measured times, the density up to which computing the selected entries of a gradient alone is faster than all of them. */

/** How long products of one size took on as many threads, in any one unit. */
export interface ProductTimes {
  readonly whole: number;
  /** A product of the fraction `lowDensity` of the entries. */
  readonly low: number;
  /** A product of the fraction `highDensity` of the entries. */
  readonly high: number;
}

export interface MeasuredTimes {
  readonly threads: number;
  /** On one thread. */
  readonly alone: ProductTimes;
  /** On all threads; the same as `alone` where there is one. */
  readonly together: ProductTimes;
  /** A call of the runtime that does nothing. It is a part of `whole`, but not of a whole product inside a larger function. */
  readonly call: number;
}

export const [lowDensity, highDensity] = [0.04, 0.12];

/** The fraction of the whole product's time that a sampled one may take; the rest is for errors of measurement. */
const fractionOfWhole = 0.97;
const highestBound = 0.5;
const boundsPerUnit = 200;

/**
 * The density, a multiple of 0.005 from 0 to 0.5, up to which a sampled product takes at most 97 % of the whole one's time: where
 * the line through its two times meets that. On a busy machine, where threads were not to be had all at once, the times on
 * all threads are taken for what those on one promise.
 */
export function sampledBound({ threads, alone, together, call }: MeasuredTimes): number {
  const counted = [alone, together].map((times) => ({ ...times, whole: times.whole - call }));
  const [ownAlone, ownTogether] = counted as [ProductTimes, ProductTimes];
  if (threads === 1 || hadThreads(alone, together)) return meetingPoint(ownTogether);
  return meetingPoint(promisedTimes(ownAlone, threads, call));
}

/** Products that had two threads or more are well below the times of one. */
function hadThreads(alone: ProductTimes, together: ProductTimes): boolean {
  return together.whole < 0.8 * alone.whole && together.high < 0.85 * alone.high;
}

/** The fraction of the whole product, and of a sampled one's time for each entry, that is taken to be spread over threads. */
const parallelFraction = 0.9;

/**
 * The times on several threads by those on one. What a sampled product takes beside its entries is not spread, as one thread
 * copies the factors; and waking threads for it costs what a call of the runtime does.
 */
function promisedTimes({ whole, low, high }: ProductTimes, threads: number, call: number): ProductTimes {
  const fraction = 1 - parallelFraction + parallelFraction / threads;
  const perDensity = slopeOf({ low, high });
  const fixed = call + Math.max(0, low - lowDensity * perDensity);
  const sampled = (density: number) => fixed + fraction * perDensity * density;
  return { whole: fraction * whole, low: sampled(lowDensity), high: sampled(highDensity) };
}

function meetingPoint({ whole, low, high }: ProductTimes): number {
  const allowed = fractionOfWhole * whole;
  const slope = slopeOf({ low, high });
  // More entries never take less time: a line that falls was disturbed, and says nothing beyond what was measured.
  if (slope <= 0) return roundDown(Math.max(low, high) <= allowed ? highDensity : 0);
  return roundDown(lowDensity + (allowed - low) / slope);
}

function slopeOf({ low, high }: Pick<ProductTimes, "low" | "high">): number {
  return (high - low) / (highDensity - lowDensity);
}

function roundDown(density: number): number {
  const within = Math.min(highestBound, Math.max(0, density));
  // A bound such as 0.115 may be a little less than 23 / 200 in binary.
  return Math.floor(boundsPerUnit * within + 1e-9) / boundsPerUnit;
}
