/** In which form a parameter's gradient leaves the backward pass, by what is needed of it. */
import type { GradientStructure } from "@nanoadam/engine";
import type { GradientNeed, Selection } from "@nanoadam/optim";

/** The share of a tensor's entries that a selection has. */
export function densityOf({ count, length }: Selection): number {
  return count / Math.max(1, length);
}

/**
 * The structures in which a gradient is taken as it is; undefined where nothing is needed.
 * @param bound the density up to which selected entries are computed alone, from the gradient's two factors
 */
export function acceptedStructures(need: GradientNeed, bound: number): readonly GradientStructure[] | undefined {
  if (need.kind === "nothing") return undefined;
  return need.kind === "entries" && densityOf(need.selection) <= bound ? ["product"] : [];
}
