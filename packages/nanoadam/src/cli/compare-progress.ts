/** The progress of a comparison: a line for each run that has ended, and below them the run that goes on. */
import type { RunningRun } from "../compare/compare.js";
import type { Comparison } from "../compare/comparison.js";
import { formatRate } from "../compare/learning-rates.js";
import { metricOfRun } from "../compare/results.js";
import { isFinished, type RunResult } from "../compare/run-result.js";
import { type Run, runName } from "../compare/schedule.js";
import { formatSeconds } from "../format.js";
import { withFlags } from "./flag-names.js";
import { progressLine } from "./progress-line.js";
import { SmoothedLoss } from "./smoothed-loss.js";
import { StatusLine, type StatusLineOptions } from "./status-line.js";

export interface CompareProgress {
  onProgress(running: RunningRun): void;
  onResult(result: RunResult, comparison: Comparison): void;
  /** Prints a message above the line of progress. */
  print(message: string): void;
  /** Takes the line of progress away. */
  end(): void;
}

interface RunInProgress {
  readonly latest: RunningRun;
  readonly loss: SmoothedLoss;
}

export function compareProgress(options: StatusLineOptions): CompareProgress {
  const { now = () => performance.now() } = options;
  const status = new StatusLine(options);
  const { colors, hasBlocks } = status.terminal;
  const started = now();
  const inProgress = new Map<string, RunInProgress>();
  let ended = 0;
  /** Runs that were there when this began. */
  let endedBefore: number | undefined;

  const draw = () => {
    const [shown, ...others] = inProgress.values();
    if (shown === undefined) return;
    const { latest, loss } = shown;
    const { run, planned } = latest;
    const underWay = [...inProgress.values()].reduce((sum, each) => sum + shareOf(each.latest), 0);
    const left = secondsLeft(
      (now() - started) / 1000,
      ended - (endedBefore ?? ended) + underWay,
      planned - ended - underWay,
    );
    const fields = [
      ...(left === undefined ? [] : [[`${formatSeconds(left)} left`]]),
      [`run ${Math.min(ended + 1, planned)} of ${planned}`, `${Math.min(ended + 1, planned)}/${planned}`],
      ...(others.length === 0 ? [] : [[`and ${others.length} more`]]),
      namesOf(run),
      ...(latest.report === undefined ? [["starting"]] : [[`step ${latest.report.step}/${latest.report.totalSteps}`]]),
      ...(loss.history.length === 0 ? [] : [[`loss ${(loss.history.at(-1) ?? Number.NaN).toPrecision(3)}`]]),
    ];
    const state = { done: shareOf(latest), fields, curve: hasBlocks ? loss.history : [] };
    status.show((columns) => progressLine(state, columns, colors));
  };

  return {
    print: (message) => status.print(message),
    end: () => status.clear(),
    onProgress(running) {
      endedBefore ??= running.ended;
      ended = running.ended;
      const name = runName(running.run);
      const loss = inProgress.get(name)?.loss ?? new SmoothedLoss();
      if (typeof running.report?.loss === "number") loss.add(running.report.loss);
      inProgress.set(name, { latest: running, loss });
      draw();
    },
    onResult(result, comparison) {
      ended = comparison.progress.ended;
      inProgress.delete(runName(result));
      if (inProgress.size === 0) status.clear();
      status.print(resultLine(result, comparison));
      draw();
    },
  };
}

/** How much of a run is done. */
function shareOf({ report }: RunningRun): number {
  return report === undefined ? 0 : report.step / Math.max(1, report.totalSteps);
}

/** The seconds that so many runs will take, once enough of them is done to tell. */
function secondsLeft(seconds: number, done: number, left: number): number | undefined {
  return done < 0.02 ? undefined : (seconds / done) * left;
}

/** "nanoadam 1e-3 seed 0", or shorter. */
function namesOf({ optimizer, learningRate, seed }: Run): string[] {
  const rate = formatRate(learningRate);
  return [`${optimizer} ${rate} seed ${seed}`, `${optimizer} ${rate}`, optimizer];
}

/** "3 of 12: nanoadam, learning rate 1e-3, seed 0: accuracy 0.8123 (2m 05s)". */
function resultLine(result: RunResult, { metric, progress }: Comparison): string {
  const { optimizer, learningRate, seed } = result;
  const run = `${progress.ended} of ${progress.planned}: ${optimizer}, learning rate ${formatRate(learningRate)}, seed ${seed}`;
  if (!isFinished(result)) return `${run}: failed: ${withFlags(result.failure)}`;
  const value = metricOfRun(result, metric)?.toFixed(4) ?? "none";
  return `${run}: ${metric.name} ${value} (${formatSeconds(result.summary.wallSeconds)})`;
}
