/**
 * The entries of a weight's gradient that a selection asks for, and no others. The gradient of a linear layer's weight is
 * left^T right of the output's gradient [tokens, outputs] and the input [tokens, inputs]; an entry of it is the product of a
 * column of each. ONNX has no operation for some entries of a product, so this one is in WebAssembly, with its vectors of
 * four. Columns become contiguous by a transposition first, which costs little beside the products.
 *
 * The kernel has memory of its own, which grows to the largest product and is reused: nothing is allocated in a step. Where
 * that memory is shared, other threads help (runtime/sampled-product-threads.ts); the numbers are the same bits.
 */
import { wasm } from "./sampled-product.wasm.js";

/** Entries of a flattened matrix in ascending order: entry `chunk * chunkSize + offset`, as @nanoadam/optim has them. */
export interface ChunkedEntries {
  readonly chunkSize: number;
  /** One per chunk and one more: the offsets of chunk `c` are `offsets[starts[c] .. starts[c + 1])`. */
  readonly starts: Uint32Array;
  readonly offsets: Uint16Array;
}

/** The compiled kernel, the memory it works on, and the threads that help. */
export interface SampledProductHost {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Threads beside the calling one. */
  readonly helpers: number;
  /** Called before every product: threads that help may be started at the first. */
  start(): void;
  /** Starts the threads that help, and waits until they do. */
  ready(): Promise<void>;
  /** Ends the threads that help. */
  release(): Promise<void>;
}

/** One thread and memory of its own, which any JavaScript engine has. */
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
export function moduleOf(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

interface Exports {
  publish(tasks: number): void;
  work(): void;
  finish(): void;
}

/** What the tasks of a product are about: addresses and counts. The kernel reads them in this order. */
interface Job {
  readonly first: number;
  readonly tokens: number;
  readonly rows: number;
  readonly columns: number;
  readonly stride: number;
  readonly chunks: number;
  readonly chunkSize: number;
  readonly blocks: number;
  readonly ranges: number;
  readonly left: number;
  readonly right: number;
  readonly leftColumns: number;
  readonly rightColumns: number;
  readonly chunkStarts: number;
  readonly offsets: number;
  readonly rowStarts: number;
  readonly found: number;
  readonly out: number;
}

const pageBytes = 65_536;
const alignment = 64;
/** Where the kernel's counters and job end. */
const headBytes = 320;
const jobAddress = 192;
/** Tokens that a task transposes, as the kernel has it. */
const blockTokens = 64;
/** Parts of the multiplication that threads take one by one: enough that the last to finish is not much later. */
const ranges = 32;

/** Computes sampled products, one after another. */
export class SampledProduct {
  readonly #host: SampledProductHost;
  readonly #exports: Exports;
  #tasks = 0;

  /** @param host by default one thread */
  constructor(host: SampledProductHost = oneThread()) {
    this.#host = host;
    const { exports } = new WebAssembly.Instance(host.module, { env: { memory: host.memory } });
    this.#exports = exports as unknown as Exports;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#host.memory.buffer.byteLength;
  }

  /**
   * Adds entries of left^T right to `sums`.
   *
   * @param left [tokens, outputs], row-major
   * @param right [tokens, inputs], row-major
   * @param entries of the [outputs, inputs] product
   * @param sums one number per entry
   * @throws RangeError where sizes do not fit.
   */
  add(left: Float32Array, right: Float32Array, tokens: number, entries: ChunkedEntries, sums: Float32Array): void {
    const [rows, columns] = [left.length / tokens, right.length / tokens];
    const { starts, offsets, chunkSize } = entries;
    if (!Number.isInteger(rows) || !Number.isInteger(columns)) {
      throw new RangeError(
        `the factors have ${left.length} and ${right.length} values; expected multiples of ${tokens}`,
      );
    }
    if (sums.length !== offsets.length) {
      throw new RangeError(`there are ${sums.length} sums; expected one for each of ${offsets.length} entries`);
    }
    // Columns begin an odd number of cache lines apart: at a power of two the caches have room for few of them.
    const stride = 16 * (Math.ceil(tokens / 16) | 1);
    let end = headBytes;
    const place = (bytes: number): number => {
      const at = end;
      end += Math.ceil(bytes / alignment) * alignment;
      return at;
    };
    const job: Job = {
      first: this.#tasks,
      tokens,
      rows,
      columns,
      stride,
      chunks: starts.length - 1,
      chunkSize,
      blocks: Math.ceil(tokens / blockTokens),
      ranges,
      left: place(left.byteLength),
      right: place(right.byteLength),
      leftColumns: place(4 * rows * stride),
      rightColumns: place(4 * columns * stride),
      chunkStarts: place(starts.byteLength),
      offsets: place(offsets.byteLength),
      rowStarts: place(4 * (rows + 1)),
      found: place(4 * offsets.length),
      out: place(4 * offsets.length),
    };
    this.#reserve(end);
    this.#host.start();
    const { buffer } = this.#host.memory;
    new Uint32Array(buffer, job.chunkStarts, starts.length).set(starts);
    new Uint16Array(buffer, job.offsets, offsets.length).set(offsets);
    new Uint32Array(buffer, jobAddress).set(Object.values(job));
    this.#publish(1);
    this.#copyBlocks(left, new Float32Array(buffer, job.left, left.length), blockTokens * rows);
    this.#copyBlocks(right, new Float32Array(buffer, job.right, right.length), blockTokens * columns);
    this.#exports.finish();
    this.#publish(ranges);
    this.#exports.finish();
    const out = new Float32Array(buffer, job.out, offsets.length);
    for (let entry = 0; entry < out.length; entry++) sums[entry] = (sums[entry] as number) + (out[entry] as number);
  }

  /** Waits until all threads help: products do not, so the first ones take longer. Times are worth measuring from then on. */
  ready(): Promise<void> {
    return this.#host.ready();
  }

  /** Ends the threads that help, where there are any. A later product would start them again. */
  release(): Promise<void> {
    return this.#host.release();
  }

  /** A block can be transposed as soon as it is there. Alone, that is best done while it is in the cache; else others do it. */
  #copyBlocks(source: Float32Array, target: Float32Array, blockLength: number): void {
    for (let at = 0; at < source.length; at += blockLength) {
      target.set(source.subarray(at, at + blockLength), at);
      this.#publish(1);
      if (this.#host.helpers === 0) this.#exports.work();
    }
  }

  #publish(tasks: number): void {
    this.#tasks += tasks;
    this.#exports.publish(tasks);
  }

  #reserve(bytes: number): void {
    const missing = bytes - this.#host.memory.buffer.byteLength;
    if (missing > 0) this.#host.memory.grow(Math.ceil(missing / pageBytes));
  }
}
