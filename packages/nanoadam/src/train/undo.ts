import {
  arrayLike,
  type GradientNeed,
  gatherEntries,
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
 * What a step moves, as it was before. A step can leave finite weights that give no finite loss; that shows only in the
 * next step, and then this takes the last one back. A tensor is kept just before it is updated, when its selected entries have
 * to come from memory in any case: for all tensors first it would be a hundredth of a step of BERT-base.
 */
export class UndoBuffer {
  readonly #weights: Weights;
  /** Of every tensor that has moved: its memory serves again. */
  readonly #kept = new Map<string, Kept>();
  readonly #moved = new Set<string>();

  constructor(weights: Weights) {
    this.#weights = weights;
  }

  /** Starts a step of which nothing is kept yet. */
  begin(): void {
    this.#moved.clear();
  }

  /** Keeps what the optimizer will move of a tensor. */
  keep(name: string, need: GradientNeed): void {
    const weights = this.#weights.get(name);
    if (weights === undefined || need.kind === "nothing") return;
    const { values, selection } = this.#keptFor(name, need, weights);
    if (selection === undefined) values.set(weights);
    else gatherEntries(weights, selection, values);
    this.#moved.add(name);
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

  /** Puts the weights back to what they were when they were kept. */
  restore(): void {
    for (const name of this.#moved) {
      const [weights, kept] = [this.#weights.get(name), this.#kept.get(name)];
      if (weights === undefined || kept === undefined) continue;
      if (kept.selection === undefined) weights.set(kept.values);
      else scatterEntries(kept.values, kept.selection, weights);
    }
  }
}
