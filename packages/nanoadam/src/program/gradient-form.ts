/** In which form a parameter's gradient leaves the backward pass, by what is needed of it. */
import type { GradientStructure } from "@nanoadam/engine";
import type { GradientNeed } from "@nanoadam/optim";

/**
 * The density up to which the selected entries of a weight's gradient are computed alone. Measured: it pays up to 0.105 to
 * 0.145 at every size of weight (`npm run bench -- --only break-even`), so one number serves all, and a run's last bits do
 * not depend on a measurement of its machine.
 */
export const defaultSampledBelow = 0.12;

/**
 * Whether the needed entries of a linear weight's gradient are computed alone, from its two factors.
 * @param bound the density up to which they are; at 0 they never are
 */
export function isSampled(need: GradientNeed, bound: number): boolean {
  if (need.kind !== "entries" || bound === 0) return false;
  // Of every chunk a selection has the density's share, rounded up.
  const { count, length, starts } = need.selection;
  return count < bound * length + starts.length - 1;
}

/** The structures in which a gradient is taken as it is; undefined where nothing is needed. See {@link isSampled}. */
export function acceptedStructures(need: GradientNeed, bound: number): readonly GradientStructure[] | undefined {
  if (need.kind === "nothing") return undefined;
  return isSampled(need, bound) ? ["product"] : [];
}
