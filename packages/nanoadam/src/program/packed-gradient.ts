import { type SampledProduct, sizeOf } from "@nanoadam/engine";
import { addEntries, type GradientNeed, type Selection, type WeightArray } from "@nanoadam/optim";
import { narrowToBfloat16, widenBfloat16 } from "../checkpoint/floats.js";
import type { ParameterSpecification } from "../models/parameters.js";
import { entriesOfRows, lowerBound, positionOf } from "./entries-of-rows.js";
import type { Gradient } from "./gradient-form.js";

/** Memory for a part of a tensor: its sums in float32 where they are held in bfloat16, and its offsets; one part at a time. */
export class PartBuffer {
  #sums = new Float32Array(0);
  #offsets = new Uint16Array(0);

  sums(length: number): Float32Array {
    if (this.#sums.length < length) this.#sums = new Float32Array(length);
    return this.#sums.subarray(0, length);
  }

  readonly offsets = (length: number): Uint16Array => {
    if (this.#offsets.length < length) this.#offsets = new Uint16Array(length);
    return this.#offsets.subarray(0, length);
  };
}

/** Memory of sums that are done with, for others of the same type and size. */
export class SumMemory {
  readonly #free = new Map<string, WeightArray[]>();

  /** @returns undefined where there is none. */
  take(need: NeededGradient, size: number): WeightArray | undefined {
    return this.#free.get(keyOf(need, size))?.pop();
  }

  giveBack(need: NeededGradient, sum: WeightArray): void {
    const key = keyOf(need, sum.length);
    this.#free.set(key, [...(this.#free.get(key) ?? []), sum]);
  }

  /** Lets go of what nothing wants any more. */
  keepFor(wanted: readonly PackedGradient[]): void {
    const keys = new Set(wanted.map(({ need, size }) => keyOf(need, size)));
    for (const key of this.#free.keys()) if (!keys.has(key)) this.#free.delete(key);
  }
}

/** What there is a sum for. */
export type NeededGradient = Exclude<GradientNeed, { readonly kind: "nothing" }>;

function isNarrow(need: NeededGradient): boolean {
  return need.kind === "entries" && need.mayBeNarrow === true;
}

/** Of sums that can have each other's memory. */
function keyOf(need: NeededGradient, size: number): string {
  return `${size} ${isNarrow(need)}`;
}

/**
 * The sum of one parameter's gradients in a step: all of it, or the selected entries alone, in selection order; these are in
 * bfloat16 where the optimizer keeps no more of them.
 */
export class PackedGradient {
  readonly name: string;
  readonly need: NeededGradient;
  /** Entries of each of its rows, which are along the first axis. */
  readonly columns: number;
  /** Of the sum. */
  readonly size: number;
  /** Entries of the tensor. */
  readonly #entries: number;
  readonly #buffer: PartBuffer;
  readonly #memory: SumMemory;
  /** Absent until something comes, and once the memory is given back. */
  #sum: WeightArray | undefined;
  /** Whether nothing has come in this step: what the memory has is of earlier. */
  #isStale = true;
  /** Whether the memory is as it was made: all 0, and not yet backed by the system, so that what is never written takes none. */
  #isUntouched = false;
  /** Of a sum whose memory was given back. */
  #squares: number | undefined;

  constructor(
    { name, shape }: ParameterSpecification,
    need: NeededGradient,
    buffer: PartBuffer,
    memory = new SumMemory(),
  ) {
    this.name = name;
    this.need = need;
    this.columns = sizeOf(shape.slice(1));
    this.#buffer = buffer;
    this.#memory = memory;
    this.#entries = sizeOf(shape);
    this.size = need.kind === "entries" ? need.selection.count : this.#entries;
  }

  /** Starts a step. */
  begin(): void {
    this.#isStale = true;
    this.#squares = undefined;
  }

  /** Whether the memory of this step's sum was given back. */
  get isReleased(): boolean {
    return this.#squares !== undefined;
  }

  /** Gives the memory back; of the step's sum its squares remain. */
  release(): void {
    if (!this.isReleased) this.#squares = this.squares();
    this.letGo();
  }

  /** Gives the memory back. */
  letGo(): void {
    if (this.#sum !== undefined) this.#memory.giveBack(this.need, this.#sum);
    this.#sum = undefined;
    this.#isStale = true;
  }

  /** The sum of what has come in this step. */
  sum(): WeightArray {
    const sum = this.#memoryOfSum();
    if (this.#isStale && !this.#isUntouched) sum.fill(0);
    this.#isStale = false;
    this.#isUntouched = false;
    return sum;
  }

  #memoryOfSum(): WeightArray {
    if (this.isReleased) throw new Error(`the gradient of ${this.name} was taken already`);
    if (this.#sum === undefined) {
      this.#sum = this.#memory.take(this.need, this.size);
      this.#isUntouched = this.#sum === undefined;
    }
    this.#sum ??= isNarrow(this.need) ? new Uint16Array(this.size) : new Float32Array(this.size);
    return this.#sum;
  }

  /** The sum of the squares of what has come in this step. */
  squares(): number {
    if (this.#squares !== undefined) return this.#squares;
    let squares = 0;
    for (let from = 0; from < this.size; from += atOnce) {
      const to = Math.min(this.size, from + atOnce);
      const [sums, before] = this.#widened(from, to);
      for (let i = from - before; i < to - before; i++) squares += (sums[i] as number) ** 2;
    }
    return squares;
  }

  /** Multiplies what has come in this step. */
  scale(factor: number): void {
    for (let from = 0; from < this.size; from += atOnce) {
      const to = Math.min(this.size, from + atOnce);
      const [sums, before] = this.#widened(from, to);
      for (let i = from - before; i < to - before; i++) sums[i] = (sums[i] as number) * factor;
      this.#store(sums, from, to);
    }
  }

  /** Adds a part that comes as numbers; a dense one may be of the rows from `firstRow` on only. */
  add(part: Exclude<Gradient, { readonly form: "product" }>, firstRow: number): void {
    const { columns } = this;
    if (part.form === "dense" && part.values.length === this.#entries) {
      this.#addWhole(part.values);
    } else if (part.form === "dense") {
      this.#addRange(part.values, 0, part.values.length, firstRow * columns);
    } else {
      for (const [position, row] of part.indices.entries()) {
        this.#addRange(part.values, position * columns, columns, row * columns);
      }
    }
  }

  /** Adds a part that comes as factors; the kernel has the right one. The left one may be of the rows from `firstRow` on only. */
  addProduct(left: Float32Array, kernel: SampledProduct, firstRow: number): void {
    const { need, columns } = this;
    if (need.kind !== "entries") throw new Error("a whole gradient came as factors, which were not asked for");
    const rows = left.length / kernel.tokens;
    const { entries, from } =
      rows * columns === this.#entries
        ? { entries: need.selection, from: 0 }
        : entriesOfRows(need.selection, firstRow * columns, rows * columns, this.#buffer.offsets);
    const to = from + entries.offsets.length;
    const [sums, before] = this.#widened(from, to);
    kernel.add(left, entries, sums.subarray(from - before, to - before));
    this.#store(sums, from, to);
  }

  #addWhole(values: Float32Array): void {
    const all = this.size;
    const memory = this.#memoryOfSum();
    if (this.need.kind === "entries") {
      const [sums] = this.#widened(0, all);
      addEntries(values, this.need.selection, sums, 1);
      this.#store(sums, 0, all);
    } else if (this.#isStale && memory instanceof Float32Array) {
      memory.set(values);
      this.#isStale = false;
      this.#isUntouched = false;
    } else {
      this.#addRange(values, 0, all, 0);
    }
  }

  /** Adds `count` values from `from` on to the entries from `first` on. */
  #addRange(values: Float32Array, from: number, count: number, first: number): void {
    const { need } = this;
    if (need.kind === "entries") {
      const [start, end] = [positionOf(need.selection, first), positionOf(need.selection, first + count)];
      const [sums, before] = this.#widened(start, end);
      addSelected(values, { from, count, first }, need.selection, sums, before);
      this.#store(sums, start, end);
    } else {
      const [sums] = this.#widened(0, this.size);
      for (let i = 0; i < count; i++) sums[first + i] = (sums[first + i] as number) + (values[from + i] as number);
    }
  }

  /** Sums in float32, of which those at the positions from one to before another may be changed; and the first one's position. */
  #widened(from: number, to: number): readonly [sums: Float32Array, before: number] {
    const sum = this.sum();
    if (sum instanceof Float32Array) return [sum, 0];
    const wide = this.#buffer.sums(to - from);
    widenBfloat16(sum.subarray(from, to), wide);
    return [wide, from];
  }

  /** Keeps sums that were changed. */
  #store(sums: Float32Array, from: number, to: number): void {
    if (this.#sum instanceof Uint16Array) narrowToBfloat16(sums, this.#sum.subarray(from, to));
  }
}

/** Sums that are widened together. */
const atOnce = 1 << 20;

interface Range {
  /** The first of the values. */
  readonly from: number;
  readonly count: number;
  /** The entry of its tensor that this is. */
  readonly first: number;
}

/** Adds values of consecutive entries to the sums of those selected; sums begin at the position `before`. */
function addSelected(
  values: Float32Array,
  { from, count, first }: Range,
  { chunkSize, offsets, starts }: Selection,
  sums: Float32Array,
  before: number,
): void {
  const end = first + count;
  for (let chunk = Math.floor(first / chunkSize); chunk * chunkSize < end; chunk++) {
    const base = chunk * chunkSize;
    const last = starts[chunk + 1] ?? 0;
    let position = lowerBound(offsets, starts[chunk] ?? 0, last, first - base);
    for (; position < last; position++) {
      const entry = base + (offsets[position] as number);
      if (entry >= end) break;
      sums[position - before] = (sums[position - before] as number) + (values[from + entry - first] as number);
    }
  }
}
