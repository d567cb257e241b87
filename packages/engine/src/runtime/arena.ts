/**
 * One block of memory that serves every batch shape. A layout gives every buffer an offset once; the arena is as
 * large as the largest layout. When a larger one comes, the block is replaced, and earlier layouts have to take new views.
 */
import { sizeOf, type TensorType } from "../graph/types.js";
import { bytesPerEntry, type TensorData } from "./runtime.js";

const alignment = 64;

/** The position of one tensor in the arena. */
export interface ArenaSlot {
  readonly type: TensorType;
  readonly offset: number;
}

/** Lays out slots one after another; parts that are never alive together share the same bytes. */
export class ArenaLayout {
  #next = 0;
  #bytes = 0;

  /** Bytes that an arena needs for this layout. */
  get bytes(): number {
    return this.#bytes;
  }

  slot(type: TensorType): ArenaSlot {
    const offset = this.#next;
    this.#next += Math.ceil((sizeOf(type.shape) * bytesPerEntry(type)) / alignment) * alignment;
    this.#bytes = Math.max(this.#bytes, this.#next);
    return { type, offset };
  }

  /** Lays out parts of which one is alive at a time: each begins at the same offset, and later slots lie behind them all. */
  alternatives<Part>(parts: Iterable<Part>, place: (part: Part) => void): void {
    const start = this.#next;
    let end = start;
    for (const part of parts) {
      this.#next = start;
      place(part);
      end = Math.max(end, this.#next);
    }
    this.#next = end;
  }
}

export class Arena {
  #memory = new ArrayBuffer(0);
  #generation = 0;
  #queue: Promise<unknown> = Promise.resolve();

  /** Calls `use` when all earlier calls are done, so that no two write to the same memory at a time. */
  exclusive<Result>(use: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(use);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Counts the replacements of the block; views of an earlier generation are stale. */
  get generation(): number {
    return this.#generation;
  }

  get bytes(): number {
    return this.#memory.byteLength;
  }

  /** Makes the arena at least this large. */
  reserve(bytes: number): void {
    if (bytes <= this.#memory.byteLength) return;
    this.#memory = new ArrayBuffer(bytes);
    this.#generation++;
  }

  view({ type, offset }: ArenaSlot): TensorData {
    const size = sizeOf(type.shape);
    if (type.dataType === "float32") return new Float32Array(this.#memory, offset, size);
    if (type.dataType === "int32") return new Int32Array(this.#memory, offset, size);
    return new Uint8Array(this.#memory, offset, size);
  }
}
