import {
  arrayLike,
  type GradientNeed,
  gatherEntries,
  type Selection,
  scatterEntries,
  type WeightArray,
} from "@nanoadam/optim";
import type { Weights } from "../program/compile-stages.js";
import type { TrainingObserver } from "./observer.js";

interface Kept {
  /** Whether this step has moved the tensor. */
  moved: boolean;
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
export class UndoBuffer implements TrainingObserver {
  readonly #weights: Weights;
  /** Of every tensor that has moved: its memory serves again. */
  readonly #kept = new Map<string, Kept>();
  /** As they were when the last step that moved anything was about to. */
  readonly #buffers: ReadonlyMap<string, WeightArray>;
  #step = 0;

  /** @param buffers the names of what the model itself brings up to date, with each batch */
  constructor(weights: Weights, buffers: readonly string[] = []) {
    this.#weights = weights;
    this.#buffers = new Map(buffers.map((name) => [name, valuesOf(weights, name).slice()]));
  }

  /** Keeps what the optimizer will move of a tensor. */
  onUpdate(step: number, name: string, need: GradientNeed): void {
    if (step !== this.#step) {
      for (const kept of this.#kept.values()) kept.moved = false;
      for (const [buffer, values] of this.#buffers) values.set(valuesOf(this.#weights, buffer));
    }
    this.#step = step;
    const weights = this.#weights.get(name);
    if (weights === undefined || need.kind === "nothing") return;
    const kept = this.#keptFor(name, need, weights);
    if (kept.selection === undefined) kept.values.set(weights);
    else gatherEntries(weights, kept.selection, kept.values);
    kept.moved = true;
  }

  /** Where a tensor's entries are kept: where they were, unless the selection has changed. */
  #keptFor(name: string, need: Exclude<GradientNeed, { kind: "nothing" }>, weights: WeightArray): Kept {
    const known = this.#kept.get(name);
    const selected = need.kind === "entries" ? need.selection : undefined;
    if (known !== undefined && known.selected === selected) return known;
    const size = selected?.count ?? weights.length;
    const kept: Kept = {
      moved: false,
      values: known?.values.length === size ? known.values : arrayLike(weights, size),
      selected,
      selection: selected && { ...selected, starts: selected.starts.slice(), offsets: selected.offsets.slice() },
    };
    this.#kept.set(name, kept);
    return kept;
  }

  /** Whether there is a step to take back. */
  get isEmpty(): boolean {
    return this.#step === 0;
  }

  /** Puts weights and buffers back to what they were when they were kept. */
  restore(): void {
    for (const [name, values] of this.#buffers) this.#weights.get(name)?.set(values);
    for (const [name, kept] of this.#kept) {
      const weights = this.#weights.get(name);
      if (weights === undefined || !kept.moved) continue;
      if (kept.selection === undefined) weights.set(kept.values);
      else scatterEntries(kept.values, kept.selection, weights);
    }
  }
}

function valuesOf(weights: Weights, name: string): WeightArray {
  const values = weights.get(name);
  if (values === undefined) throw new Error(`the weights lack ${name}`);
  return values;
}
