/** The results of a comparison: a score for every rate, and each contestant at its best. */

import { taskKind } from "../tasks/registry.js";
import type { Metric } from "./metric.js";
import type { Contestant } from "./optimizers.js";
import { type FinishedRun, isFinished, type RunResult } from "./run-result.js";

/** A metric over the seeds that have a result. */
export interface Score {
  readonly mean: number;
  /** Sample standard deviation; undefined for one seed. */
  readonly deviation: number | undefined;
  /** Ascending. */
  readonly seeds: readonly number[];
}

export interface RateResult {
  readonly learningRate: number;
  /** Undefined where no run has a result, or none yet. */
  readonly score: Score | undefined;
}

/** A contestant at its best rate; the figures beside the score are means over the same runs. */
export interface BestResult {
  readonly learningRate: number;
  readonly score: Score;
  readonly optimizerStateBytes: number;
  readonly peakRssBytes: number;
  /** Mean of the runs' medians. */
  readonly stepMilliseconds: number;
  readonly everChangedShare: number;
  readonly meanShift: number;
  /** What was kept of what the base model knew, of runs that measured it. */
  readonly retained?: RetainedFigure;
}

/** A figure of the reference set, the usual one of its task. */
export interface RetainedFigure {
  readonly metric: string;
  readonly before: number;
  readonly final: number;
}

export interface OptimizerResult {
  /** The contestant's name. */
  readonly optimizer: string;
  /** The values of options that the comparison varies. */
  readonly variation?: Contestant["variation"];
  readonly rates: readonly RateResult[];
  readonly best: BestResult | undefined;
}

/** A contestant's results among those of all runs. */
export function optimizerResult(
  { name, learningRates, variation }: Contestant,
  results: readonly RunResult[],
  metric: Metric,
): OptimizerResult {
  const own = results.filter(isFinished).filter(({ optimizer }) => optimizer === name);
  const rates = learningRates.map((learningRate) => ({
    learningRate,
    score: scoreOf(
      own.filter((run) => run.learningRate === learningRate),
      metric,
    ),
  }));
  const bestRate = bestOf(rates, metric);
  return {
    optimizer: name,
    ...(variation === undefined ? {} : { variation }),
    rates,
    best: bestRate && describe(bestRate, own),
  };
}

/**
 * The rate with the best mean among those that the most seeds have a result of, so that one lucky seed does not beat
 * many; the lower of two that are as good.
 */
function bestOf(rates: readonly RateResult[], { better }: Metric): (RateResult & { score: Score }) | undefined {
  const scored = rates.filter((rate): rate is RateResult & { score: Score } => rate.score !== undefined);
  const mostSeeds = Math.max(...scored.map(({ score }) => score.seeds.length));
  const candidates = scored.filter(({ score }) => score.seeds.length === mostSeeds);
  const [first, ...others] = candidates;
  if (first === undefined) return undefined;
  const sign = better === "higher" ? 1 : -1;
  return others.reduce((best, next) => (sign * next.score.mean > sign * best.score.mean ? next : best), first);
}

function describe({ learningRate, score }: RateResult & { score: Score }, runs: readonly FinishedRun[]): BestResult {
  const used = runs.filter((run) => run.learningRate === learningRate && score.seeds.includes(run.seed));
  const meanOf = (figure: (summary: FinishedRun["summary"]) => number) =>
    mean(used.map(({ summary }) => figure(summary)));
  return {
    learningRate,
    score,
    optimizerStateBytes: meanOf((summary) => summary.optimizerStateBytes),
    peakRssBytes: meanOf((summary) => summary.peakRssBytes),
    stepMilliseconds: meanOf((summary) => summary.stepMilliseconds),
    everChangedShare: meanOf((summary) => summary.parameters.everChanged.share),
    meanShift: meanOf((summary) => summary.parameters.meanShift),
    ...retainedOf(used),
  };
}

function retainedOf(runs: readonly FinishedRun[]): Pick<BestResult, "retained"> {
  const measured = runs.flatMap(({ summary: { retained } }) => (retained === undefined ? [] : [retained]));
  const [first] = measured;
  if (first === undefined) return {};
  const [metric] = taskKind(first.task).metrics;
  const of = (figures: Readonly<Record<string, number | null>> | undefined) => figures?.[metric] ?? Number.NaN;
  return {
    retained: {
      metric,
      before: mean(measured.map(({ before }) => of(before))),
      final: mean(measured.map(({ final }) => of(final))),
    },
  };
}

/** The metric's value of a run; undefined where the run failed or its evaluation has no such finite figure. */
export function metricOfRun(result: RunResult, { name }: Metric): number | undefined {
  return isFinished(result) ? (result.summary.evaluation.final[name] ?? undefined) : undefined;
}

function scoreOf(runs: readonly FinishedRun[], metric: Metric): Score | undefined {
  const scored = runs
    .map((run) => ({ seed: run.seed, value: metricOfRun(run, metric) }))
    .filter((each): each is { seed: number; value: number } => each.value !== undefined)
    .sort((a, b) => a.seed - b.seed);
  if (scored.length === 0) return undefined;
  const values = scored.map(({ value }) => value);
  return { mean: mean(values), deviation: deviation(values), seeds: scored.map(({ seed }) => seed) };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}
