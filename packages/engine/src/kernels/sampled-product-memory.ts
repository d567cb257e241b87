/** The layout of the memory that the kernel of sampled products works on. */

/** The fields of the job that the tasks of a product share: addresses and counts, in the kernel's order. */
export const field = {
  first: 0,
  tokens: 1,
  rows: 2,
  columns: 3,
  stride: 4,
  chunks: 5,
  chunkSize: 6,
  blocks: 7,
  ranges: 8,
  left: 9,
  right: 10,
  leftColumns: 11,
  rightColumns: 12,
  chunkStarts: 13,
  offsets: 14,
  rowStarts: 15,
  found: 16,
  out: 17,
  columnStarts: 18,
  channels: 19,
  height: 20,
  width: 21,
  outputHeight: 22,
  outputWidth: 23,
  planeHeight: 24,
  planeWidth: 25,
  strideY: 26,
  strideX: 27,
  paddingY: 28,
  paddingX: 29,
  phases: 30,
  phaseCount: 31,
} as const;

const jobAddress = 192;
/** Where the kernel's counters and job end, and factors may lie. */
export const headBytes = 320;
const pageBytes = 65_536;
const alignment = 64;

/** The first address that is free behind some bytes at `address`. */
export function behind(address: number, bytes: number): number {
  return address + Math.ceil(bytes / alignment) * alignment;
}

/** The memory as arrays: the job, and all of it. */
export interface MemoryViews {
  readonly job: Uint32Array;
  readonly words: Uint32Array;
  readonly halves: Uint16Array;
  readonly floats: Float32Array;
}

/** Memory that grows to the largest product; new views of it are made only then, not for every product. */
export class KernelMemory {
  readonly #memory: WebAssembly.Memory;
  #views: MemoryViews;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#views = viewsOf(memory);
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Makes the memory at least this large; the views are good until it grows. */
  reserve(bytes: number): MemoryViews {
    const missing = bytes - this.bytes;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / pageBytes));
      this.#views = viewsOf(this.#memory);
    }
    return this.#views;
  }
}

function viewsOf({ buffer }: WebAssembly.Memory): MemoryViews {
  return {
    job: new Uint32Array(buffer, jobAddress, Object.keys(field).length),
    words: new Uint32Array(buffer),
    halves: new Uint16Array(buffer),
    floats: new Float32Array(buffer),
  };
}
