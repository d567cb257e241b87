/**
 * The entries of a weight's gradient that a selection asks for, and no others. The gradient of a linear layer's weight is
 * left^T right of the output's gradient [tokens, outputs] and the input [tokens, inputs]; an entry of it is the product of a
 * column of each. ONNX has no operation for some entries of a product, so this one is in WebAssembly, with its vectors of
 * four. Columns become contiguous by a transposition first, which costs little beside the products.
 *
 * The kernel has memory of its own, which grows to the largest product and is reused: nothing is allocated in a step.
 */
import { wasm } from "./sampled-product.wasm.js";

/** Entries of a flattened matrix in ascending order: entry `chunk * chunkSize + offset`, as @nanoadam/optim has them. */
export interface ChunkedEntries {
  readonly chunkSize: number;
  /** One per chunk and one more: the offsets of chunk `c` are `offsets[starts[c] .. starts[c + 1])`. */
  readonly starts: Uint32Array;
  readonly offsets: Uint16Array;
}

interface Exports {
  transpose(source: number, target: number, tokens: number, columns: number, stride: number): void;
  locate(
    chunkStarts: number,
    offsets: number,
    chunks: number,
    chunkSize: number,
    rows: number,
    columns: number,
    starts: number,
    found: number,
  ): void;
  multiply(left: number, right: number, stride: number, rows: number, starts: number, found: number, out: number): void;
}

const pageBytes = 65_536;
const alignment = 64;

/** Computes sampled products, one after another. */
export class SampledProduct {
  readonly #memory = new WebAssembly.Memory({ initial: 1 });
  readonly #exports: Exports;

  constructor() {
    const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: this.#memory } });
    this.#exports = exports as unknown as Exports;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#memory.buffer.byteLength;
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
    const stride = Math.ceil(tokens / 8) * 8;
    let end = 0;
    const place = (bytes: number): number => {
      const at = end;
      end += Math.ceil(bytes / alignment) * alignment;
      return at;
    };
    const at = {
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
    const { buffer } = this.#memory;
    new Float32Array(buffer, at.left, left.length).set(left);
    new Float32Array(buffer, at.right, right.length).set(right);
    new Uint32Array(buffer, at.chunkStarts, starts.length).set(starts);
    new Uint16Array(buffer, at.offsets, offsets.length).set(offsets);
    const kernel = this.#exports;
    kernel.transpose(at.left, at.leftColumns, tokens, rows, stride);
    kernel.transpose(at.right, at.rightColumns, tokens, columns, stride);
    kernel.locate(at.chunkStarts, at.offsets, starts.length - 1, chunkSize, rows, columns, at.rowStarts, at.found);
    kernel.multiply(at.leftColumns, at.rightColumns, stride, rows, at.rowStarts, at.found, at.out);
    const out = new Float32Array(buffer, at.out, offsets.length);
    for (let entry = 0; entry < out.length; entry++) sums[entry] = (sums[entry] as number) + (out[entry] as number);
  }

  #reserve(bytes: number): void {
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes));
  }
}
