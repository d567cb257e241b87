/**
 * Where the gradients of a step gather: for each parameter only what its optimizer asked for, so that a micro-batch
 * adds a selection's worth of numbers, not a tensor's.
 */
import { SampledProduct } from "@nanoadam/engine";
import { addEntries, type GradientNeed, type Optimizer, type Selection } from "@nanoadam/optim";
import type { ParameterSpecification } from "../models/model.js";
import type { GradientData } from "./program.js";

interface Gathered {
  readonly need: GradientNeed;
  readonly columns: number;
  readonly sum: Float32Array;
}

export class GradientAccumulator {
  readonly #parameters: readonly ParameterSpecification[];
  readonly #gathered = new Map<string, Gathered>();
  readonly #sums = new Map<string, Float32Array>();
  readonly #sampledProduct: SampledProduct;

  /** @param sampledProduct belongs to the caller, who releases it; by default one thread, with nothing to release */
  constructor(parameters: readonly ParameterSpecification[], sampledProduct = new SampledProduct()) {
    this.#parameters = parameters;
    this.#sampledProduct = sampledProduct;
  }

  /** Starts a step: all sums are zero, and have the sizes that the optimizer now needs. */
  begin(optimizer: Optimizer): void {
    for (const { name, shape } of this.#parameters) {
      const need = optimizer.need(name);
      const known = this.#gathered.get(name);
      if (known !== undefined && sameNeed(need, known.need)) {
        known.sum.fill(0);
        continue;
      }
      this.#gathered.delete(name);
      this.#sums.delete(name);
      if (need.kind === "nothing") continue;
      const columns = shape[shape.length - 1] ?? 1;
      const size = need.kind === "entries" ? need.selection.count : shape.reduce((product, side) => product * side, 1);
      const sum = known?.sum.length === size ? known.sum.fill(0) : new Float32Array(size);
      this.#gathered.set(name, { need, columns, sum });
      this.#sums.set(name, sum);
    }
  }

  /** Adds parts of a parameter's gradient. */
  readonly add = (name: string, parts: readonly GradientData[]): void => {
    const gathered = this.#gathered.get(name);
    if (gathered === undefined) return;
    for (const part of parts) {
      if (part.kind === "product") this.#addProduct(gathered, part);
      else addPart(gathered, part);
    }
  };

  /** The factors have a row for each token; their columns are the tensor's rows and columns. */
  #addProduct({ need, columns, sum }: Gathered, { left, right }: GradientData & { readonly kind: "product" }): void {
    if (need.kind !== "entries") throw new Error("a whole gradient came as factors, which were not asked for");
    this.#sampledProduct.add(left, right, right.length / columns, need.selection, sum);
  }

  /** The sums by parameter name, packed where the need is "entries". */
  sums(): ReadonlyMap<string, Float32Array> {
    return this.#sums;
  }

  /** The l2 norm over everything that is trained. */
  norm(): number {
    let squares = 0;
    for (const { sum } of this.#gathered.values()) {
      for (let i = 0; i < sum.length; i++) squares += (sum[i] as number) ** 2;
    }
    return Math.sqrt(squares);
  }

  /** Multiplies everything by a factor. */
  scale(factor: number): void {
    for (const { sum } of this.#gathered.values()) {
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) * factor;
    }
  }
}

function sameNeed(need: GradientNeed, other: GradientNeed): boolean {
  if (need.kind === "entries" && other.kind === "entries") return need.selection === other.selection;
  return need.kind === other.kind;
}

function addPart({ need, sum, columns }: Gathered, part: Exclude<GradientData, { readonly kind: "product" }>): void {
  const { values } = part;
  if (part.kind === "dense") {
    if (need.kind === "entries") addEntries(values, need.selection, sum, 1);
    else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
    return;
  }
  for (let position = 0; position < part.indices.length; position++) {
    const row = part.indices[position] as number;
    const [from, to] = [position * columns, row * columns];
    if (need.kind === "entries") addRowEntries(values, from, columns, to, need.selection, sum);
    else for (let i = 0; i < columns; i++) sum[to + i] = (sum[to + i] as number) + (values[from + i] as number);
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

/** The first position in [from, to) of the ascending `offsets` that is at least `offset`. */
function lowerBound(offsets: Uint16Array, from: number, to: number, offset: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] as number) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
