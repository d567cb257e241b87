/** Tensors counted by the upper 16 bits of their magnitudes and by cells of a histogram, in one pass: what exact measures begin with. */
import type { Selection } from "@nanoadam/optim";
import { type Counts, countEntries } from "./magnitude-kernel.js";

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

/** Counts a tensor. */
export function tallyOf({ weights, gradient, selection }: Entries): Tally {
  const selectedSquares = selectedSquaresOf(gradient, selection);
  return { length: weights.length, selectedSquares, ...countEntries(weights, gradient) };
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

/** Tensors counted together. */
export function mergeTallies(tallies: readonly [Tally, ...Tally[]]): Tally {
  const [first, ...others] = tallies;
  if (others.length === 0) return first;
  const merged = {
    length: 0,
    squares: 0,
    selectedSquares: 0,
    weights: new Uint32Array(first.weights.length),
    gradient: new Uint32Array(first.gradient.length),
    greatest: new Uint32Array(first.greatest.length),
    cells: new Uint32Array(first.cells.length),
  };
  for (const tally of tallies) {
    merged.length += tally.length;
    merged.squares += tally.squares;
    merged.selectedSquares += tally.selectedSquares;
    for (const counts of ["weights", "gradient", "cells"] as const) addTo(merged[counts], tally[counts]);
    const { greatest } = merged;
    for (let bucket = 0; bucket < greatest.length; bucket++) {
      greatest[bucket] = Math.max(greatest[bucket] as number, tally.greatest[bucket] as number);
    }
  }
  return merged;
}

function addTo(sums: Uint32Array, counts: Uint32Array): void {
  for (let place = 0; place < sums.length; place++) {
    sums[place] = (sums[place] as number) + (counts[place] as number);
  }
}
