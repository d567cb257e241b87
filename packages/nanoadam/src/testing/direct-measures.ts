/** The measures of weights and gradients as their definitions read, by sorting. */
import { type Selection, selectionIndices } from "@nanoadam/optim";
import { expect } from "vitest";
import { countOf } from "../analysis/order-statistics.js";
import { type Relation, withoutGradients } from "../analysis/relation.js";
import { gradientShares, weightShares } from "../analysis/shares.js";
import type { Entries } from "../analysis/tally.js";
import { joined, membership } from "./random-entries.js";

/** Of one tensor or several together. */
export function directRelation(tensors: readonly Entries[], shares: readonly number[] = gradientShares): Relation {
  const { weights, gradient } = joined(tensors);
  const selected = tensors.flatMap(({ selection }) => isSelected(selection));
  const n = weights.length;
  const sizes = Array.from(weights, Math.abs);
  const slopes = Array.from(gradient, Math.abs);
  const nonZero = slopes.filter((slope) => slope > 0).length;
  if (nonZero === 0) return withoutGradients(n, shares);
  // A gradient of 0 is none of the largest.
  const among = (share: number) => Math.min(countOf(share, n), nonZero);
  const largest = slopes.toSorted((a, b) => b - a)[among(1e-4) - 1] ?? 0;
  const small = slopes.toSorted((a, b) => a - b)[countOf(0.8, n) - 1] ?? 0;
  const at = sizes.filter((_, i) => (slopes[i] ?? 0) >= largest).sort((a, b) => a - b);
  const atLargestGradients = ((at[Math.ceil(at.length / 2) - 1] ?? 0) + (at[Math.floor(at.length / 2)] ?? 0)) / 2;
  const amongSmallGradients = sizes.filter((_, i) => (slopes[i] ?? 0) <= small).reduce((a, b) => Math.max(a, b));
  const middle = sizes.toSorted((a, b) => a - b)[countOf(0.5, n) - 1] ?? 0;
  const part = (of: readonly number[], within: readonly number[], count: number) =>
    of.reduce((sum, member, i) => sum + member * (within[i] ?? 0), 0) / count;
  const smallest = weightShares.map((width) => membership(weights, countOf(width, n), "smallest"));
  const squares = slopes.reduce((sum, slope) => sum + slope ** 2, 0);
  return {
    entries: n,
    squares,
    ratio: {
      atLargestGradients,
      amongSmallGradients,
      value: atLargestGradients / amongSmallGradients,
      byChance: middle / amongSmallGradients,
    },
    overlap: shares.map((share) => {
      const top = membership(gradient, among(share), "largest");
      return smallest.map((small) => part(top, small, among(share)));
    }),
    caught: shares.map((share) => part(membership(gradient, among(share), "largest"), selected, among(share))),
    caughtSquares:
      squares === 0 ? 0 : slopes.reduce((sum, slope, i) => sum + slope ** 2 * (selected[i] ?? 0), 0) / squares,
  };
}

function isSelected(selection: Selection): number[] {
  const chosen = new Set(selectionIndices(selection));
  return Array.from({ length: selection.length }, (_, entry) => (chosen.has(entry) ? 1 : 0));
}

/** Every number of a record in order. */
function numbersOf(value: unknown): number[] {
  if (typeof value === "number") return [value];
  // JSON has no other numbers that are none.
  if (value === null) return [Number.NaN];
  return typeof value === "object" ? Object.values(value).flatMap(numbersOf) : [];
}

/** That all numbers agree to 1e-5. */
export function expectClose(found: unknown, expected: unknown): void {
  const [a, b] = [numbersOf(found), numbersOf(expected)];
  expect(a.length).toBe(b.length);
  for (const [place, value] of a.entries()) {
    const wanted = b[place] ?? Number.NaN;
    if (Number.isFinite(wanted))
      expect(Math.abs(value - wanted)).toBeLessThanOrEqual(1e-5 * Math.max(1e-3, Math.abs(wanted)));
    else expect(Number.isFinite(value)).toBe(false);
  }
}
