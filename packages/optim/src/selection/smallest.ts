/**
 * The smallest magnitudes of a chunk, in WebAssembly (assembly/smallest.ts): a refresh looks at every weight of a model, with
 * its vectors several times as fast as in JavaScript. Every engine of the last years has them, so there is no second way.
 *
 * The bits of a finite float32, its sign aside, order as its magnitude does. So the bottom-k of a chunk needs no sort:
 * a histogram of the 11 high bits of every 17th entry gives a bin below whose end at least k entries should lie; one
 * pass over the chunk keeps the offsets of these, about k of them, eight entries at a time and without a branch, as no
 * processor could predict it (should they be fewer, all entries are counted); and histograms of 11, 10 and 10 bits over
 * what was kept find the k-th smallest. Ties go to the lower index, and -0 ties with 0.
 */

import { wasm } from "./smallest.wasm.js";
import { createKernel, largestChunkSize, lazily } from "./wasm.js";

interface Exports {
  prepare(): void;
  selectSmallest(length: number, count: number): number;
}

interface Selector {
  readonly exports: Exports;
  /** The chunk's float32 bits. */
  readonly bits: Uint32Array;
  readonly kept: Uint16Array;
}

const memoryPages = 15;

const selector = lazily((): Selector => {
  const { exports, buffer } = createKernel(wasm, memoryPages);
  const own = exports as unknown as Exports;
  own.prepare();
  const bits = new Uint32Array(buffer, 0, largestChunkSize);
  return { exports: own, bits, kept: new Uint16Array(buffer, bits.byteLength, largestChunkSize) };
});

/** Memory for the float32 bits of a chunk of `length` entries, at most 65,536, to be selected from. */
export function chunkToSelectFrom(length: number): Uint32Array {
  return selector().bits.subarray(0, length);
}

/**
 * The ascending offsets of the `count` smallest magnitudes among the first `length` bits of {@link chunkToSelectFrom}; valid
 * until the next call. Undefined where one is NaN or infinite.
 *
 * @param count at most `length`
 */
export function smallestOfChunk(length: number, count: number): Uint16Array | undefined {
  const { exports, kept } = selector();
  return exports.selectSmallest(length, count) === 0 ? undefined : kept.subarray(0, count);
}
