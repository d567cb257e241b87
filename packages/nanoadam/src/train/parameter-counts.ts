import type { Optimizer } from "@nanoadam/optim";
import type { Pretrained } from "../checkpoint/pretrained.js";

/** A number of parameters, and its share of all. */
export interface CountAndShare {
  readonly count: number;
  readonly share: number;
}

/** What the optimizer holds of the model's parameters. */
export interface ParameterCounts {
  readonly total: number;
  /** Entries that the optimizer's selections hold now; 0 for a dense optimizer. */
  readonly selected: CountAndShare;
  /** Entries of the tensors that are updated whole. */
  readonly dense: CountAndShare;
}

export function countParameters(
  { model, weights }: Pick<Pretrained, "model" | "weights">,
  optimizer: Optimizer,
): ParameterCounts {
  let [total, selected, dense] = [0, 0, 0];
  for (const { name } of model.parameters) {
    const need = optimizer.need(name);
    const size = weights.get(name)?.length ?? 0;
    total += size;
    if (need.kind === "entries") selected += need.selection.count;
    if (need.kind === "whole") dense += size;
  }
  const share = (count: number): CountAndShare => ({ count, share: count / total });
  return { total, selected: share(selected), dense: share(dense) };
}
