/**
 * A sampled product: chosen entries of the product of two dense matrices, and no others. The literature calls it SDDMM, sampled
 * dense-dense matrix multiplication. Here it computes the selected entries of the gradient of a linear layer's weight, which
 * is left^T right of the output's gradient [tokens, outputs] and the input [tokens, inputs]; each entry is the dot product of
 * a column of the one and a column of the other.
 *
 * ONNX has no such operation, so this one is in WebAssembly, with its vectors of four. Factors are transposed first, so that
 * columns are contiguous; this costs little beside the dot products, and less where several products share their right
 * factor, as the gradients of queries, keys and values do.
 *
 * The kernel has memory of its own, which grows to the largest product and is reused. Where that memory is shared, other
 * threads help (runtime/sampled-product-threads.ts); results are the same bits for any number of them.
 */

import { wasm } from "./sampled-product.wasm.js";
import { behind, field, headBytes, KernelMemory } from "./sampled-product-memory.js";

/** Entries of a flattened matrix in ascending order: entry `chunk * chunkSize + offset`, as @nanoadam/optim has them. */
export interface ChunkedEntries {
  readonly chunkSize: number;
  /** One per chunk and one more: the offsets of chunk `c` are `offsets[starts[c] .. starts[c + 1])`. */
  readonly starts: Uint32Array;
  readonly offsets: Uint16Array;
}

/** The part of a `WebAssembly.Memory` that is used: not every program's types know that. */
export interface GrowingMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  grow(pages: number): number;
}

/** The compiled kernel, the memory it works on, and the threads that help. */
export interface SampledProductHost {
  /** A `WebAssembly.Module`. */
  readonly module: object;
  readonly memory: GrowingMemory;
  /** Threads beside the calling one. */
  readonly helpers: number;
  /** Called before each product; the first call may start the threads that help. */
  start(): void;
  /** Starts the threads that help, and waits until they do. */
  ready(): Promise<void>;
  /** Ends the threads that help. */
  release(): Promise<void>;
}

/** A host without further threads, for any JavaScript engine. */
function oneThread(): SampledProductHost {
  return {
    module: moduleOf(wasm),
    memory: new WebAssembly.Memory({ initial: 1 }),
    helpers: 0,
    start() {},
    async ready() {},
    async release() {},
  };
}

/** A WebAssembly module from its bytes in base 64. */
export function moduleOf(base64: string): object {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

interface Exports {
  publish(tasks: number): void;
  work(): void;
  finish(): void;
}

/** Tokens that a task transposes; the kernel has the same number. */
const blockTokens = 64;
/** Parts of the multiplication that threads take one by one: enough that the last to finish is not much later. */
const ranges = 32;

/** Floats from a column to the next, an odd number of cache lines: at a power of two the caches have room for few columns. */
function strideOf(tokens: number): number {
  return 16 * (Math.ceil(tokens / 16) | 1);
}

/** Computes sampled products (SDDMM in the literature), one after another: chosen entries of left^T right. */
export class SampledProduct {
  readonly #host: SampledProductHost;
  readonly #exports: Exports;
  readonly #memory: KernelMemory;
  #tasks = 0;
  /** Of the right factor; 0 where there is none yet. */
  #tokens = 0;
  #rightEnd = headBytes;

  /** @param host by default one thread */
  constructor(host: SampledProductHost = oneThread()) {
    this.#host = host;
    const { exports } = new WebAssembly.Instance(host.module, { env: { memory: host.memory } });
    this.#exports = exports as unknown as Exports;
    this.#memory = new KernelMemory(host.memory);
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  /** Rows of the right factor last set; 0 before there is one. */
  get tokens(): number {
    return this.#tokens;
  }

  /**
   * Sets the right factor of the products to come. It is copied, so the array may change afterwards.
   *
   * @param right [tokens, inputs], row-major
   * @throws RangeError where sizes do not fit.
   */
  setRight(right: Float32Array, tokens: number): void {
    const columns = columnsOf("right", right, tokens);
    const stride = strideOf(tokens);
    const rightColumns = behind(headBytes, right.byteLength);
    const end = behind(rightColumns, 4 * columns * stride);
    // The right factor set before may still be transposed, if no product has used it.
    this.#exports.finish();
    this.#host.start();
    const { job, floats } = this.#memory.reserve(end);
    job[field.first] = this.#tasks;
    job[field.tokens] = tokens;
    job[field.columns] = columns;
    job[field.stride] = stride;
    job[field.blocks] = Math.ceil(tokens / blockTokens);
    job[field.right] = headBytes;
    job[field.rightColumns] = rightColumns;
    this.#copyBlocks(right, columns, floats, headBytes);
    this.#tokens = tokens;
    this.#rightEnd = end;
  }

  /**
   * Adds entries of left^T right to `sums`, for the right factor last set.
   *
   * @param left [tokens, outputs], row-major
   * @param entries of the [outputs, inputs] product
   * @param sums one number per entry
   * @throws RangeError where sizes do not fit.
   */
  add(left: Float32Array, entries: ChunkedEntries, sums: Float32Array): void {
    const tokens = this.#tokens;
    if (tokens === 0) throw new Error("there is no right factor; expected setRight first");
    const rows = columnsOf("left", left, tokens);
    const { starts, offsets, chunkSize } = entries;
    if (sums.length !== offsets.length) {
      throw new RangeError(`there are ${sums.length} sums; expected one for each of ${offsets.length} entries`);
    }
    const leftAt = this.#rightEnd;
    const leftColumns = behind(leftAt, left.byteLength);
    const chunkStarts = behind(leftColumns, 4 * rows * strideOf(tokens));
    const offsetsAt = behind(chunkStarts, starts.byteLength);
    const rowStarts = behind(offsetsAt, offsets.byteLength);
    const found = behind(rowStarts, 4 * (rows + 1));
    const out = behind(found, 4 * offsets.length);
    const { job, words, halves, floats } = this.#memory.reserve(behind(out, 4 * offsets.length));
    job[field.first] = this.#tasks - (job[field.blocks] as number);
    job[field.rows] = rows;
    job[field.chunks] = starts.length - 1;
    job[field.chunkSize] = chunkSize;
    job[field.ranges] = ranges;
    job[field.left] = leftAt;
    job[field.leftColumns] = leftColumns;
    job[field.chunkStarts] = chunkStarts;
    job[field.offsets] = offsetsAt;
    job[field.rowStarts] = rowStarts;
    job[field.found] = found;
    job[field.out] = out;
    words.set(starts, chunkStarts / 4);
    halves.set(offsets, offsetsAt / 2);
    this.#publish(1);
    this.#copyBlocks(left, rows, floats, leftAt);
    this.#exports.finish();
    this.#publish(ranges);
    this.#exports.finish();
    const first = out / 4;
    for (let entry = 0; entry < sums.length; entry++) {
      sums[entry] = (sums[entry] as number) + (floats[first + entry] as number);
    }
  }

  /** Waits until all threads help. Products themselves do not wait, so times are worth measuring only after this. */
  ready(): Promise<void> {
    return this.#host.ready();
  }

  /** Ends the threads that help, where there are any. A later product would start them again. */
  release(): Promise<void> {
    // A thread that ends in the middle of a task would leave it undone for ever.
    this.#exports.finish();
    return this.#host.release();
  }

  /** A block can be transposed as soon as it is copied: by helpers, or without them at once, while it is in the cache. */
  #copyBlocks(factor: Float32Array, columns: number, target: Float32Array, address: number): void {
    const length = blockTokens * columns;
    for (let start = 0; start < factor.length; start += length) {
      target.set(factor.subarray(start, start + length), address / 4 + start);
      this.#publish(1);
      if (this.#host.helpers === 0) this.#exports.work();
    }
  }

  #publish(tasks: number): void {
    this.#tasks += tasks;
    this.#exports.publish(tasks);
  }
}

/** @throws RangeError for a factor that is not [tokens, columns]. */
function columnsOf(side: string, factor: Float32Array, tokens: number): number {
  const columns = factor.length / tokens;
  if (Number.isInteger(columns)) return columns;
  throw new RangeError(`the ${side} factor has ${factor.length} values; expected a multiple of ${tokens}`);
}
