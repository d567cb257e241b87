import {
  arrayLike,
  type GradientNeed,
  gatherEntries,
  type Optimizer,
  type Selection,
  scatterEntries,
  type WeightArray,
} from "@nanoadam/optim";
import type { Weights } from "./compile-stages.js";

interface Kept {
  readonly values: WeightArray;
  /** What the optimizer had selected, and a copy of it, since a refresh writes over it; absent where all entries are kept. */
  readonly selected: Selection | undefined;
  readonly selection: Selection | undefined;
}

/**
 * What a step is about to move, as it was before. A step can leave finite weights that give no finite loss; that shows
 * only in the next step, and then this takes the last one back.
 */
export class UndoBuffer {
  readonly #weights: Weights;
  readonly #kept = new Map<string, Kept>();

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  /** Keeps what the optimizer will move. */
  keep(optimizer: Optimizer): void {
    for (const [name, weights] of this.#weights) {
      const need = optimizer.need(name);
      if (need.kind === "nothing") {
        this.#kept.delete(name);
        continue;
      }
      const { values, selection } = this.#keptFor(name, need, weights);
      if (selection === undefined) values.set(weights);
      else gatherEntries(weights, selection, values);
    }
  }

  /** Where a tensor's entries are kept: where they were, unless the selection has changed. */
  #keptFor(name: string, need: Exclude<GradientNeed, { kind: "nothing" }>, weights: WeightArray): Kept {
    const known = this.#kept.get(name);
    const selected = need.kind === "entries" ? need.selection : undefined;
    if (known !== undefined && known.selected === selected) return known;
    const size = selected?.count ?? weights.length;
    const kept = {
      values: known?.values.length === size ? known.values : arrayLike(weights, size),
      selected,
      selection: selected && { ...selected, starts: selected.starts.slice(), offsets: selected.offsets.slice() },
    };
    this.#kept.set(name, kept);
    return kept;
  }

  /** Puts the weights back to what they were at the last `keep`. */
  restore(): void {
    for (const [name, { values, selection }] of this.#kept) {
      const weights = this.#weights.get(name);
      if (weights === undefined) continue;
      if (selection === undefined) weights.set(values);
      else scatterEntries(values, selection, weights);
    }
  }
}
