/** What the runs come to: means over seeds, and differences to NanoAdam as it is, seed by seed. */
import type { RunRow } from "./runs.js";
import type { QualityTask } from "./tasks.js";
import { baseline, bestRate, compared } from "./variations.js";

/** What is made of a run, where more is better. */
export type Measure = (row: RunRow) => number;

/** In per cent: the rows that are right, of a decoder the tokens. A run that diverged has nothing right. */
export const quality: Measure = ({ evaluation }) => 100 * (evaluation?.accuracy ?? 0);

/** In hundredths, turned about; a sharper eye than what is right, though not what is asked for. */
export const gain: Measure = ({ evaluation }) => -100 * (evaluation?.loss ?? Number.NaN);

export interface Sample {
  readonly mean: number;
  /** Of the sample; NaN of one value. */
  readonly deviation: number;
  readonly count: number;
}

export function sampleOf(values: readonly number[]): Sample {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (count - 1)), count };
}

export interface Estimate {
  readonly mean: number;
  readonly standardError: number;
  readonly seeds: number;
}

/** Of differences, by their own deviation. */
export function estimateOf(values: readonly number[]): Estimate {
  const { mean, deviation, count } = sampleOf(values);
  return { mean, standardError: deviation / Math.sqrt(count), seeds: count };
}

/** A contestant's runs at a rate. */
export function rowsAt(rows: readonly RunRow[], task: QualityTask, contestant: string, learningRate: number): RunRow[] {
  return rows.filter(
    (row) => row.task === task.name && row.contestant === contestant && row.learningRate === learningRate,
  );
}

/** A contestant less NanoAdam as it is, for each seed that both ran with. */
export function differences(
  rows: readonly RunRow[],
  task: QualityTask,
  contestant: string,
  measure: Measure,
): readonly number[] {
  const base = rowsAt(rows, task, baseline.name, task.best.nanoadam);
  return rowsAt(rows, task, contestant, bestRate(task, contestant)).flatMap((row) => {
    const same = base.find(({ seed }) => seed === row.seed);
    return same === undefined ? [] : [measure(row) - measure(same)];
  });
}

/**
 * How much a difference differs from seed to seed, of all contestants together: of one alone a few seeds would not say.
 */
export function pooledDeviation(rows: readonly RunRow[], task: QualityTask, measure: Measure): number {
  let [squares, freedom] = [0, 0];
  for (const { name } of compared) {
    const { deviation, count } = sampleOf(differences(rows, task, name, measure));
    if (count < 2) continue;
    squares += deviation ** 2 * (count - 1);
    freedom += count - 1;
  }
  return Math.sqrt(squares / freedom);
}

export interface Comparison {
  readonly contestant: string;
  /** For each task; undefined where there is no pair of runs. */
  readonly ofTasks: readonly (Estimate | undefined)[];
  /** The mean over the tasks; undefined where one is missing. */
  readonly overall: Omit<Estimate, "seeds"> | undefined;
  /** Better by more than two standard errors over all, and behind on no task by more than a deviation. */
  readonly helps: boolean;
}

/** Every contestant that ran against NanoAdam as it is, the best first. */
export function compareAll(rows: readonly RunRow[], tasks: readonly QualityTask[], measure: Measure): Comparison[] {
  const deviations = tasks.map((task) => pooledDeviation(rows, task, measure));
  const all = compared.map(({ name: contestant }): Comparison => {
    const ofTasks = tasks.map((task, place): Estimate | undefined => {
      const { mean, count } = sampleOf(differences(rows, task, contestant, measure));
      const standardError = (deviations[place] ?? Number.NaN) / Math.sqrt(count);
      return count === 0 ? undefined : { mean, standardError, seeds: count };
    });
    const found = ofTasks.filter((each) => each !== undefined);
    const overall = found.length < tasks.length ? undefined : overallOf(found);
    const isUnhurt = ofTasks.every((each, place) => each !== undefined && each.mean > -(deviations[place] ?? 0));
    return { contestant, ofTasks, overall, helps: overall !== undefined && isUnhurt && isClear(overall) };
  });
  const meanOf = ({ overall }: Comparison) => overall?.mean ?? -1000;
  const ran = all.filter(({ ofTasks }) => ofTasks.some((each) => each !== undefined));
  return ran.sort((a, b) => meanOf(b) - meanOf(a));
}

/** The mean over tasks. */
export function overallOf(estimates: readonly Estimate[]): Omit<Estimate, "seeds"> {
  const variance = estimates.reduce((sum, { standardError }) => sum + standardError ** 2, 0);
  const { mean } = sampleOf(estimates.map((each) => each.mean));
  return { mean, standardError: Math.sqrt(variance) / estimates.length };
}

const isClear = ({ mean, standardError }: Omit<Estimate, "seeds">) => mean > 2 * standardError;
