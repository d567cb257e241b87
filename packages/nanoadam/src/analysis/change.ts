/** How far a tensor's weights are from where they began, and by which of them it went (paper, Table 7 and Figure 16). */
import { compareEntries, type Moves } from "./magnitude-kernel.js";
import { countOf, cutsAt, tiePart } from "./order-statistics.js";

/** The smallest, the middle and the largest weights, by what they began as; in each tensor by itself. */
export const magnitudeGroups = { smallest: 0.3, middle: 0.4, largest: 0.3 } as const;

/** Sums, which add up over tensors. */
export interface ChangeSums {
  readonly entries: number;
  /** Entries that differ from what they began as. */
  readonly changed: number;
  readonly squares: number;
  /** Of each group how many entries it has, and the sum of their absolute changes. */
  readonly groups: readonly { readonly entries: number; readonly sum: number }[];
}

export interface ChangeRecord {
  /** The share of entries that differ from what they began as. */
  readonly changed: number;
  /** The l2 norm of the change. */
  readonly shift: number;
  /** The mean absolute change by group. */
  readonly smallest: number;
  readonly middle: number;
  readonly largest: number;
}

export const noChange: ChangeSums = {
  entries: 0,
  changed: 0,
  squares: 0,
  groups: [0, 0, 0].map(() => ({ entries: 0, sum: 0 })),
};

/** Where the groups of a tensor end: the same in a whole run, as it is what the tensor began as that counts. */
export interface GroupBounds {
  /** The bits of the largest magnitude of the smallest group, and of the smallest and middle one together. */
  readonly lower: number;
  readonly upper: number;
  /** The parts of entries of just these magnitudes that are below. */
  readonly ofLower: number;
  readonly ofUpper: number;
}

export function groupBounds(before: Float32Array): GroupBounds {
  const counts = groupCounts(before.length);
  const cuts = cutsAt(
    () => [before],
    counts.map((count) => count - 1),
  );
  const parts = cuts.map((cut, place) => tiePart(cut, "smallest", counts[place] ?? 1, before.length));
  return { lower: cuts[0]?.bits ?? 0, upper: cuts[1]?.bits ?? 0, ofLower: parts[0] ?? 1, ofUpper: parts[1] ?? 1 };
}

/** Compares a tensor with what it began as. */
export function changeOf(
  before: Float32Array,
  now: Float32Array,
  bounds: GroupBounds = groupBounds(before),
): ChangeSums {
  return changeFrom(compareEntries(before, now, bounds.lower, bounds.upper), before.length, bounds);
}

/**
 * A tensor's change by how far its entries moved, of which there are `length`. Entries of like magnitude at a group's bound belong to both
 * groups by a part each.
 */
export function changeFrom(
  { changed, squares, small, atLower, middle, atUpper, large }: Moves,
  length: number,
  { lower, upper, ofLower, ofUpper }: GroupBounds,
): ChangeSums {
  // Where both bounds are one, what is at it belongs to three groups.
  const notLarge = lower === upper ? ofUpper : 1;
  const [few, most] = groupCounts(length);
  const groups = [
    { entries: few, sum: small + ofLower * atLower },
    { entries: most - few, sum: (notLarge - ofLower) * atLower + middle + ofUpper * atUpper },
    { entries: length - most, sum: (1 - notLarge) * atLower + (1 - ofUpper) * atUpper + large },
  ];
  return { entries: length, changed, squares, groups };
}

/** How many entries the smallest group has, and that and the middle one together. */
function groupCounts(length: number): readonly [number, number] {
  const { smallest, middle } = magnitudeGroups;
  return [countOf(smallest, length), countOf(smallest + middle, length)];
}

/** The sums of two tensors, or of many. */
export function addChanges(a: ChangeSums, b: ChangeSums): ChangeSums {
  return {
    entries: a.entries + b.entries,
    changed: a.changed + b.changed,
    squares: a.squares + b.squares,
    groups: a.groups.map(({ entries, sum }, place) => ({
      entries: entries + (b.groups[place]?.entries ?? 0),
      sum: sum + (b.groups[place]?.sum ?? 0),
    })),
  };
}

export function changeRecord({ entries, changed, squares, groups }: ChangeSums): ChangeRecord {
  const [smallest, middle, largest] = groups.map(({ entries: count, sum }) => sum / Math.max(count, 1e-9));
  return {
    changed: changed / Math.max(1, entries),
    shift: Math.sqrt(squares),
    smallest: smallest ?? 0,
    middle: middle ?? 0,
    largest: largest ?? 0,
  };
}
