import { InputError } from "../errors.js";
import { randomSites } from "../random-streams.js";
import type { Dataset } from "./dataset.js";
import { shuffledIndices } from "./shuffle.js";

export interface HeldOutSplit {
  readonly train: readonly number[];
  readonly heldOut: readonly number[];
}

/**
 * Holds out a fraction (above 0, below 1) of a data set, chosen by the seed: the indices of both parts, ascending. The number
 * held out is `fraction` of all, rounded. Where examples have classes, each gives its part of that number, by largest
 * remainder, and keeps at least one example for training.
 * @throws InputError where a part would be empty.
 */
export function splitHeldOut(
  examples: Pick<Dataset, "length" | "classOf">,
  fraction: number,
  seed: number,
): HeldOutSplit {
  if (!(fraction > 0 && fraction < 1)) {
    throw new InputError(`The held-out share is ${fraction}, expected a number above 0 and below 1.`);
  }
  const classes = new Map<number, number[]>();
  for (const index of shuffledIndices(examples.length, seed, randomSites.heldOut)) {
    const label = examples.classOf?.(index) ?? 0;
    const members = classes.get(label);
    if (members) members.push(index);
    else classes.set(label, [index]);
  }
  const groups = [...classes.entries()].sort(([a], [b]) => a - b).map(([, members]) => members);
  const heldOut = new Set<number>();
  for (const [group, count] of apportion(groups, Math.round(examples.length * fraction), fraction).entries()) {
    for (const index of groups[group]?.slice(0, count) ?? []) heldOut.add(index);
  }
  if (heldOut.size === 0 || heldOut.size === examples.length) {
    throw new InputError(
      `${examples.length} examples with a held-out share of ${fraction} give ${examples.length - heldOut.size} to train on and ${heldOut.size} held out, expected at least one each.`,
    );
  }
  const all = Array.from({ length: examples.length }, (_, index) => index);
  return { train: all.filter((index) => !heldOut.has(index)), heldOut: all.filter((index) => heldOut.has(index)) };
}

/** How many of each group to hold out so that they add up to `total` as nearly as one left in each group allows. */
function apportion(groups: readonly (readonly number[])[], total: number, fraction: number): number[] {
  const counts = groups.map((members) => Math.floor(members.length * fraction));
  let missing = total - counts.reduce((sum, count) => sum + count, 0);
  const remainder = (group: number) => ((groups[group]?.length ?? 0) * fraction) % 1;
  const byRemainder = groups.map((_, group) => group).sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const group of byRemainder) {
    const count = counts[group] ?? 0;
    if (missing <= 0 || count + 1 >= (groups[group]?.length ?? 0)) continue;
    counts[group] = count + 1;
    missing--;
  }
  return counts;
}
