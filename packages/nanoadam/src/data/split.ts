import { InputError } from "../errors.js";
import type { Example } from "./examples.js";
import { shuffledIndices, shuffleSites } from "./shuffle.js";

export interface HeldOutSplit<Item> {
  readonly train: Item[];
  readonly heldOut: Item[];
}

export interface SplitOptions {
  /** Hold out the same share of every class (for classification; examples without label form one class). */
  readonly stratified: boolean;
}

/**
 * Holds out a share (above 0, below 1) of the examples, chosen by the seed; both parts keep the order given. The number
 * held out is `share` of all, rounded. Stratified, each class gives its share of that number, by largest remainder, and
 * keeps at least one example for training. Throws InputError where a part would be empty.
 */
export function splitHeldOut<Item extends Pick<Example, "label">>(
  examples: readonly Item[],
  share: number,
  seed: number,
  { stratified }: SplitOptions,
): HeldOutSplit<Item> {
  if (!(share > 0 && share < 1)) {
    throw new InputError(`The held-out share is ${share}, expected a number above 0 and below 1.`);
  }
  const order = shuffledIndices(examples.length, seed, shuffleSites.heldOut);
  const classes = new Map<number | undefined, number[]>();
  for (const index of order) {
    const label = stratified ? examples[index]?.label : undefined;
    const members = classes.get(label);
    if (members) members.push(index);
    else classes.set(label, [index]);
  }
  const groups = [...classes.entries()].sort(([a], [b]) => (a ?? -1) - (b ?? -1)).map(([, members]) => members);
  const heldOut = new Set<number>();
  for (const [group, count] of apportion(groups, Math.round(examples.length * share), share).entries()) {
    for (const index of groups[group]?.slice(0, count) ?? []) heldOut.add(index);
  }
  if (heldOut.size === 0 || heldOut.size === examples.length) {
    throw new InputError(
      `${examples.length} examples with a held-out share of ${share} give ${examples.length - heldOut.size} to train on and ${heldOut.size} held out, expected at least one each.`,
    );
  }
  return {
    train: examples.filter((_, index) => !heldOut.has(index)),
    heldOut: examples.filter((_, index) => heldOut.has(index)),
  };
}

/** How many of each group to hold out so that they add up to `total` as nearly as one left in each group allows. */
function apportion(groups: readonly (readonly number[])[], total: number, share: number): number[] {
  const counts = groups.map((members) => Math.floor(members.length * share));
  let missing = total - counts.reduce((sum, count) => sum + count, 0);
  const remainder = (group: number) => ((groups[group]?.length ?? 0) * share) % 1;
  const byRemainder = groups.map((_, group) => group).sort((a, b) => remainder(b) - remainder(a) || a - b);
  for (const group of byRemainder) {
    const count = counts[group] ?? 0;
    if (missing <= 0 || count + 1 >= (groups[group]?.length ?? 0)) continue;
    counts[group] = count + 1;
    missing--;
  }
  return counts;
}
