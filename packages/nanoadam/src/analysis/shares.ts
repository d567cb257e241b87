/** The shares of weights and gradients that measures are of, and how many entries these are. */
import { countOf } from "./order-statistics.js";
import type { Tally } from "./tally.js";

/** Shares of the weights, smallest first, the last of which ends at their median; and of the gradients, largest first. */
export const weightShares = [0.01, 0.05, 0.1, 0.2, 0.3, 0.5] as const;
export const gradientShares = [1e-5, 1e-4, 1e-3, 1e-2] as const;

/** Of Table 1: the part of largest gradients whose weights' median counts, and of smallest ones whose greatest weight does. */
export const ratioShares = { largest: 1e-4, small: 0.8 } as const;

/** How many gradients are the largest of a share: those that are 0, or below 1e-40, never are. */
export function largestCount(share: number, { length, gradient }: Pick<Tally, "length" | "gradient">): number {
  return Math.min(countOf(share, length), length - (gradient[0] ?? 0));
}

/** The ascending rank of the last of the small gradients of Table 1. */
export const smallRank = (length: number) => countOf(ratioShares.small, length) - 1;

/** The ascending ranks at which the shares of the smallest weights end. */
export const weightRanks = (length: number) => weightShares.map((share) => countOf(share, length) - 1);
