import { formatRate } from "./learning-rates.js";
import type { Contestant } from "./optimizers.js";

/** One fine-tuning of a comparison. */
export interface Run {
  /** The contestant's name. */
  readonly optimizer: string;
  readonly learningRate: number;
  readonly seed: number;
}

/** Which runs a comparison has. */
export interface Schedule {
  readonly contestants: readonly Contestant[];
  /** Seeds are 0 to this, exclusive. */
  readonly seeds: number;
  /** Every rate runs with every seed, and not the best one only. */
  readonly allSeeds: boolean;
}

/** "nanoadam-1e-3-0": the name of a run, unique within a comparison. */
export function runName({ optimizer, learningRate, seed }: Run): string {
  return `${optimizer}-${formatRate(learningRate)}-${seed}`;
}

/** The name of a run's files: its name, in letters that every system takes. */
export function runFileName(run: Run): string {
  return runName(run)
    .replaceAll(" ", "_")
    .replace(/[^\w.+=-]/g, encodeURIComponent);
}

/** Every contestant at every rate, with the first seed, or with all. */
export function sweepRuns({ contestants, seeds, allSeeds }: Schedule): Run[] {
  return seedsFrom(0, allSeeds ? seeds : 1).flatMap((seed) =>
    contestants.flatMap(({ name, learningRates }) =>
      learningRates.map((learningRate) => ({ optimizer: name, learningRate, seed })),
    ),
  );
}

/** The runs after the sweep: each contestant at its best rate, where it has one, with the other seeds. */
export function repeatRuns(
  { contestants, seeds, allSeeds }: Schedule,
  bestRates: ReadonlyMap<string, number | undefined>,
): Run[] {
  if (allSeeds) return [];
  return seedsFrom(1, seeds).flatMap((seed) =>
    contestants.flatMap(({ name }) => {
      const learningRate = bestRates.get(name);
      return learningRate === undefined ? [] : [{ optimizer: name, learningRate, seed }];
    }),
  );
}

/** How many runs a schedule has when every contestant has a best rate. */
export function countRuns(schedule: Schedule): number {
  const { contestants, seeds, allSeeds } = schedule;
  return sweepRuns(schedule).length + (allSeeds ? 0 : contestants.length * (seeds - 1));
}

function seedsFrom(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}
