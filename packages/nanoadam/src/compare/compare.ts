/** Optimizers compared: every rate with the first seed, then each one's best rate with the other seeds. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { AbortError, InputError } from "../errors.js";
import { sweepOwned } from "../files/recover.js";
import { finetuneSchema } from "../options/finetune-options.js";
import { parseOptions } from "../options/parse-options.js";
import { type Comparison, drawUp } from "./comparison.js";
import { ComparisonFolder } from "./comparison-folder.js";
import { withLearningRates } from "./learning-rates.js";
import { metricOf } from "./metric.js";
import { type Contestant, finetuneOptions, parseContestants } from "./optimizers.js";
import { type CompareInput, type CompareOptions, compareSchema, sharedOptions, variableOptions } from "./options.js";
import { performRun, runFolderLabel } from "./perform-run.js";
import { workThrough } from "./queue.js";
import type { StartCommand } from "./run-process.js";
import type { RunReport } from "./run-report.js";
import { isFinished, type RunResult } from "./run-result.js";
import { countRuns, type Run, repeatRuns, runName, type Schedule, sweepRuns } from "./schedule.js";
import { parseVariations, type Variation, withVariations } from "./variations.js";

export interface CompareContext {
  readonly start: StartCommand;
  /** Ends the comparison, what has finished being kept, when aborted. */
  readonly signal: AbortSignal;
  /** Called when a run has ended, with the comparison so far. */
  readonly onResult?: (result: RunResult, comparison: Comparison) => void;
  /** Told what a person should know that is no error. */
  readonly onNotice?: (notice: string) => void;
  /** Called when a run begins, and as it goes on. */
  readonly onProgress?: (running: RunningRun) => void;
}

/** A run that goes on. */
export interface RunningRun {
  readonly run: Run;
  /** What it has told last; undefined until then. */
  readonly report: RunReport | undefined;
  /** Runs that have ended, of those that are to be. */
  readonly ended: number;
  readonly planned: number;
}

/**
 * Compares optimizers and writes the comparison to `options.output`, run by run; runs that are there already are not
 * made again. A run that fails has no result, and the others go on.
 * @throws InputError for anything wrong with the options or the folder; for what fails before any run had a result, as
 * bad data does.
 * @throws AbortError once the signal is aborted.
 */
export async function compare(input: CompareInput, context: CompareContext): Promise<Comparison> {
  const { start, signal, onResult, onProgress, onNotice } = context;
  const options = parseOptions(compareSchema, input);
  const metric = metricOf(options.task, options.metric);
  const rated = withLearningRates(parseContestants(options.optimizers), options.learningRates);
  const variations = parseVariations(options.vary, variableOptions);
  requireUnset(input, variations);
  const contestants = withVariations(rated, variations);
  const shared = { evalEvery: noEvaluationsBetween, ...sharedOptions(input) };
  for (const contestant of contestants) requireFinetunable(contestant, shared, options);
  const schedule: Schedule = { contestants, seeds: options.seeds, allSeeds: options.allSeeds };

  const configuration = configurationOf(options);
  const folder = await ComparisonFolder.open(options.output, {
    configuration,
    overwrite: options.overwrite,
    inputs: { model: options.model, train: options.train, eval: options.eval, retain: options.retain },
    tell: onNotice,
  });
  await sweepOwned(tmpdir(), runFolderLabel, onNotice);
  try {
    const results = await folder.results();
    let planned = countRuns(schedule);
    const comparison = () => drawUp({ configuration, metric, schedule, planned, results });

    const perform = async (run: Run, runSignal: AbortSignal) => {
      const name = runName(run);
      const contestant = contestants.find((each) => each.name === run.optimizer);
      if (contestant === undefined || results.has(name)) return;
      const own = finetuneOptions(contestant, shared);
      const { ended } = comparison().progress;
      const onReport = (report?: RunReport) => onProgress?.({ run, report, ended, planned });
      onReport();
      const keep =
        options.keepModels === "delta" ? { base: options.model, path: await folder.modelPath(run) } : undefined;
      const control = { jobs: options.jobs, start, signal: runSignal, keep, onReport };
      const result = await performRun(run, { options: own, ...control });
      const isBadInput = !isFinished(result) && !result.diverged && results.size === 0;
      if (isBadInput) throw new InputError(result.failure);
      results.set(name, result);
      await folder.keep(result);
      await folder.write(comparison());
      onResult?.(result, comparison());
    };
    const performAll = (runs: readonly Run[]) => workThrough(runs, options.jobs, signal, perform);

    const sweep = sweepRuns(schedule);
    await performAll(sweep);
    const swept = { ...schedule, seeds: schedule.allSeeds ? schedule.seeds : 1 };
    const bestRates = drawUp({ configuration, metric, schedule: swept, planned, results }).optimizers.map(
      ({ optimizer, best }) => [optimizer, best?.learningRate] as const,
    );
    const repeats = repeatRuns(schedule, new Map(bestRates));
    planned = sweep.length + repeats.length;
    await performAll(repeats);
    await folder.write(comparison());
    return comparison();
  } catch (error) {
    if (!signal.aborted) throw error;
    const message = `interrupted; finished runs are kept in ${options.output}, and the same command goes on`;
    throw new AbortError(message, signal.reason);
  } finally {
    await folder.release();
  }
}

/** More steps than a run has: only what comes out in the end counts. */
const noEvaluationsBetween = 1_000_000_000;

/** The options of a run but for the contestant's; paths are absolute, so that they mean the same from anywhere. */
function configurationOf(options: CompareOptions): Record<string, unknown> {
  const { model, train, eval: evaluation } = options;
  return {
    ...sharedOptions(options),
    model: resolve(model),
    train: resolve(train),
    ...(evaluation === undefined ? {} : { eval: resolve(evaluation) }),
  };
}

/** Refuses an option that is to vary and has a value for all. */
function requireUnset(input: CompareInput, variations: readonly Variation[]): void {
  const given = new Map(Object.entries(input));
  for (const { option } of variations) {
    if (given.get(option) === undefined || given.get(option) === false) continue;
    throw new InputError(`\`${option}\` has one value for all runs, and \`vary\` has others; leave it out`);
  }
}

/** Refuses, before any run, what `finetune` would refuse in each. */
function requireFinetunable(
  contestant: Contestant,
  shared: Readonly<Record<string, unknown>>,
  { output }: Pick<CompareOptions, "output">,
): void {
  parseOptions(finetuneSchema, { ...finetuneOptions(contestant, shared), output });
}
