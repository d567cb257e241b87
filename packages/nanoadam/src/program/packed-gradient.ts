import { type SampledProduct, sizeOf } from "@nanoadam/engine";
import { addEntries, type GradientNeed, type Selection } from "@nanoadam/optim";
import type { ParameterSpecification } from "../models/parameters.js";
import { entriesOfRows, lowerBound } from "./entries-of-rows.js";
import type { Gradient } from "./gradient-form.js";

/** The sum of one parameter's gradients in a step: all of it, or the selected entries alone, in selection order. */
export class PackedGradient {
  readonly name: string;
  readonly need: GradientNeed;
  readonly columns: number;
  /** Entries of the tensor. */
  readonly #size: number;
  readonly #sum: Float32Array;
  /** Whether nothing has come in this step: what the memory has is the former step's. */
  #isStale = true;

  /** @param former gathered for this parameter until now: its memory serves again where it fits */
  constructor({ name, shape }: ParameterSpecification, need: GradientNeed, former?: PackedGradient) {
    this.name = name;
    this.need = need;
    this.columns = shape[shape.length - 1] ?? 1;
    this.#size = sizeOf(shape);
    const size = need.kind === "entries" ? need.selection.count : this.#size;
    this.#sum = former !== undefined && former.#sum.length === size ? former.#sum : new Float32Array(size);
  }

  /** Starts a step. */
  begin(): void {
    this.#isStale = true;
  }

  /** The sum of what has come in this step. */
  sum(): Float32Array {
    if (this.#isStale) this.#sum.fill(0);
    this.#isStale = false;
    return this.#sum;
  }

  /** Adds a part that comes as numbers; a dense one may be of the rows from `firstRow` on only. */
  add(part: Exclude<Gradient, { readonly form: "product" }>, firstRow: number): void {
    if (part.form === "rows") this.#addRows(part.indices, part.values);
    else if (part.values.length < this.#size) this.#addRange(part.values, firstRow * this.columns);
    else this.#addWhole(part.values);
  }

  /** Adds a part that comes as factors; the kernel has the right one. The left one may be of the rows from `firstRow` on only. */
  addProduct(left: Float32Array, kernel: SampledProduct, firstRow: number): void {
    const { need, columns } = this;
    if (need.kind !== "entries") throw new Error("a whole gradient came as factors, which were not asked for");
    const rows = left.length / kernel.tokens;
    const sum = this.sum();
    if (rows * columns === this.#size) {
      kernel.add(left, need.selection, sum);
    } else {
      const { entries, from } = entriesOfRows(need.selection, firstRow * columns, rows * columns);
      kernel.add(left, entries, sum.subarray(from, from + entries.offsets.length));
    }
  }

  #addWhole(values: Float32Array): void {
    if (this.need.kind === "entries") {
      addEntries(values, this.need.selection, this.sum(), 1);
    } else if (this.#isStale) {
      this.#sum.set(values);
      this.#isStale = false;
    } else {
      const sum = this.#sum;
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
    }
  }

  /** Adds values of the entries from `first` on. */
  #addRange(values: Float32Array, first: number): void {
    const sum = this.sum();
    if (this.need.kind === "entries") {
      addRowEntries(values, 0, values.length, first, this.need.selection, sum);
    } else {
      for (let i = 0; i < values.length; i++) sum[first + i] = (sum[first + i] as number) + (values[i] as number);
    }
  }

  #addRows(indices: Int32Array, values: Float32Array): void {
    const { need, columns } = this;
    const sum = this.sum();
    for (let position = 0; position < indices.length; position++) {
      const row = indices[position] as number;
      const [from, to] = [position * columns, row * columns];
      if (need.kind === "entries") addRowEntries(values, from, columns, to, need.selection, sum);
      else for (let i = 0; i < columns; i++) sum[to + i] = (sum[to + i] as number) + (values[from + i] as number);
    }
  }
}

/**
 * Adds the `columns` values from `from` on, a row that starts at entry `first` of its tensor, to the packed sums of the
 * selected entries in it.
 */
function addRowEntries(
  values: Float32Array,
  from: number,
  columns: number,
  first: number,
  selection: Selection,
  sum: Float32Array,
): void {
  const { chunkSize, offsets, starts } = selection;
  const end = first + columns;
  for (let chunk = Math.floor(first / chunkSize); chunk * chunkSize < end; chunk++) {
    const base = chunk * chunkSize;
    const last = starts[chunk + 1] ?? 0;
    let position = lowerBound(offsets, starts[chunk] ?? 0, last, first - base);
    for (; position < last; position++) {
      const entry = base + (offsets[position] as number);
      if (entry >= end) break;
      sum[position] = (sum[position] as number) + (values[from + entry - first] as number);
    }
  }
}
