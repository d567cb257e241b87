import type { Metric } from "./metric.js";
import { type OptimizerResult, optimizerResult } from "./results.js";
import type { RunResult } from "./run-result.js";
import { runName, type Schedule } from "./schedule.js";

/** A comparison as far as it has come: the content of comparison.json. */
export interface Comparison {
  /** The options that all runs share. */
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly metric: Metric;
  readonly seeds: number;
  /** Runs that have ended, of those that are to be. */
  readonly progress: { readonly ended: number; readonly planned: number };
  /** The most runs that went at a time; with more than one, their step times contend. */
  readonly jobs: number;
  readonly optimizers: readonly OptimizerResult[];
  readonly runs: readonly RunResult[];
}

export interface ComparisonInputs {
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly metric: Metric;
  readonly schedule: Schedule;
  readonly planned: number;
  /** Results by the names of their runs; those that the schedule cannot have do not count. */
  readonly results: ReadonlyMap<string, RunResult>;
}

/** Draws up a comparison from the results that there are. */
export function drawUp({ configuration, metric, schedule, planned, results }: ComparisonInputs): Comparison {
  const { contestants, seeds } = schedule;
  const runs = contestants.flatMap(({ name, learningRates }) =>
    learningRates.flatMap((learningRate) =>
      Array.from({ length: seeds }, (_, seed) => results.get(runName({ optimizer: name, learningRate, seed }))).filter(
        (result) => result !== undefined,
      ),
    ),
  );
  return {
    configuration,
    metric,
    seeds,
    progress: { ended: runs.length, planned: Math.max(planned, runs.length) },
    jobs: Math.max(1, ...runs.map(({ jobs }) => jobs)),
    optimizers: contestants.map((contestant) => optimizerResult(contestant, runs, metric)),
    runs,
  };
}
