/** Tensors counted by the upper 16 bits of their magnitudes and by cells of a histogram, in one pass: what exact measures begin with. */
import type { Selection } from "@nanoadam/optim";
import { type Counts, countEntries, emptyTables, type Tables } from "./magnitude-kernel.js";

/** A tensor's weights and gradient, and which of its entries an optimizer like NanoAdam would select. */
export interface Entries {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly selection: Selection;
}

export interface Tally extends Counts {
  readonly length: number;
  /** The selected entries' part of the sum of squared gradients. */
  readonly selectedSquares: number;
}

/**
 * Counts a tensor.
 * @param tables where to, whatever they had; by default in new ones
 */
export function tallyOf({ weights, gradient, selection }: Entries, tables?: Tables): Tally {
  const selectedSquares = selectedSquaresOf(gradient, selection);
  return { length: weights.length, selectedSquares, ...countEntries(weights, gradient, tables) };
}

function selectedSquaresOf(gradient: Float32Array, { chunkSize, starts, offsets }: Selection): number {
  let squares = 0;
  for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      const slope = gradient[chunk * chunkSize + (offsets[position] as number)] as number;
      squares += slope * slope;
    }
  }
  return squares;
}

/** Tensors counted together: what others are added to. */
export class TallySum implements Tally {
  length: number;
  squares: number;
  selectedSquares: number;
  readonly weights: Uint32Array;
  readonly gradient: Uint32Array;
  readonly greatest: Uint32Array;
  readonly cells: Uint32Array;

  /** @param tables what counts are kept in, whatever they had */
  constructor(first: Tally, tables: Tables = emptyTables()) {
    this.length = first.length;
    this.squares = first.squares;
    this.selectedSquares = first.selectedSquares;
    this.weights = tables.weights;
    this.gradient = tables.gradient;
    this.greatest = tables.greatest;
    this.cells = tables.cells;
    for (const counts of ["weights", "gradient", "greatest", "cells"] as const) this[counts].set(first[counts]);
  }

  add(tally: Tally): this {
    this.length += tally.length;
    this.squares += tally.squares;
    this.selectedSquares += tally.selectedSquares;
    for (const counts of ["weights", "gradient", "cells"] as const) addTo(this[counts], tally[counts]);
    const { greatest } = this;
    for (let bucket = 0; bucket < greatest.length; bucket++) {
      const other = tally.greatest[bucket] as number;
      if (other > (greatest[bucket] as number)) greatest[bucket] = other;
    }
    return this;
  }
}

function addTo(sums: Uint32Array, counts: Uint32Array): void {
  for (let place = 0; place < sums.length; place++) {
    sums[place] = (sums[place] as number) + (counts[place] as number);
  }
}
