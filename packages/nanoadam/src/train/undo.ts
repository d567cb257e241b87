import {
  arrayLike,
  gatherEntries,
  type Optimizer,
  type Selection,
  selectionIndices,
  type WeightArray,
} from "@nanoadam/optim";
import type { Weights } from "./compile-stages.js";

interface Kept {
  readonly values: WeightArray;
  readonly selection: Selection | undefined;
  /** Flat indices of the values; all entries where absent. */
  readonly indices: Uint32Array | undefined;
}

/**
 * What a step is about to move, as it was before. A step can leave finite weights that give no finite loss; that shows
 * only in the next step, and then this takes the last one back.
 */
export class UndoBuffer {
  readonly #weights: Weights;
  #kept = new Map<string, Kept>();

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  /** Keeps what the optimizer will move. */
  keep(optimizer: Optimizer): void {
    const kept = new Map<string, Kept>();
    for (const [name, values] of this.#weights) {
      const need = optimizer.need(name);
      if (need.kind === "whole") {
        const buffer = this.#reusable(name, values, values.length);
        buffer.set(values);
        kept.set(name, { values: buffer, selection: undefined, indices: undefined });
      } else if (need.kind === "entries") {
        const { selection } = need;
        const known = this.#kept.get(name);
        kept.set(name, {
          values: gatherEntries(values, selection, this.#reusable(name, values, selection.count)),
          selection,
          indices: known?.selection === selection ? known.indices : selectionIndices(selection),
        });
      }
    }
    this.#kept = kept;
  }

  #reusable(name: string, values: WeightArray, length: number): WeightArray {
    const known = this.#kept.get(name)?.values;
    return known?.length === length ? known : arrayLike(values, length);
  }

  /** Puts the weights back to what they were at the last `keep`. */
  restore(): void {
    for (const [name, { values, indices }] of this.#kept) {
      const weights = this.#weights.get(name);
      if (indices === undefined) weights?.set(values);
      else if (weights !== undefined) for (const [i, index] of indices.entries()) weights[index] = values[i] as number;
    }
  }
}
