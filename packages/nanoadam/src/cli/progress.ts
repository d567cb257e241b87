/** The progress of a run on a terminal: one line that is drawn again; elsewhere, plain lines now and then. */
import { formatCount, formatSeconds } from "../format.js";
import type { Evaluation } from "../train/evaluation.js";
import type { EvaluationRecord, RunStart, StepRecord, TrainingObserver } from "../train/observer.js";
import { Pace } from "./pace.js";
import { progressLine } from "./progress-line.js";
import { SmoothedLoss } from "./smoothed-loss.js";
import { startLines } from "./start-lines.js";
import { StatusLine, type StatusLineOptions } from "./status-line.js";

/** Plain lines of steps that a run has at most, unless more than a minute passes between two. */
const plainLines = 20;
const longestSilence = 60_000;

export interface ProgressOptions extends StatusLineOptions {
  /** Goes before every line. */
  readonly label?: string;
  /** Tell the names of tensors. */
  readonly verbose?: boolean;
  /** What is told of a run before its first step, a line each; by default all there is to know. */
  readonly describeStart?: (start: RunStart) => readonly string[];
  /** What is told of an evaluation; by default all of its figures. */
  readonly describeEvaluation?: (record: EvaluationRecord) => string;
}

/** Looks on and tells. */
export interface Progress
  extends Required<
    Pick<TrainingObserver, "onNotice" | "onStart" | "onRateTried" | "onStep" | "onEvaluation" | "onSave">
  > {
  /** Says what is done before the first step. */
  prepare(what: string): void;
  /** Prints a message, of one line or more, above the line of progress. */
  print(message: string): void;
  /** Takes the line of progress away: nothing follows, or something else is printed. */
  end(): void;
}

/** "accuracy 0.812  f1 0.803  loss 0.431". */
export function formatEvaluation({ loss, ...metrics }: Evaluation): string {
  const parts = Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  return [...parts, `loss ${loss.toFixed(4)}`].join("  ");
}

function allFigures({ step, eval: evaluation, retained }: EvaluationRecord): string {
  const kept = retained === undefined ? "" : `; retained: ${formatEvaluation(retained)}`;
  return `${step === 0 ? "before" : `after step ${step}`}: ${formatEvaluation(evaluation)}${kept}`;
}

export function progressObserver({
  label,
  verbose = false,
  describeStart = (start) => startLines(start, verbose),
  describeEvaluation = allFigures,
  ...options
}: ProgressOptions): Progress {
  const { now = () => performance.now() } = options;
  const status = new StatusLine(options);
  const { colors, isLive, hasBlocks } = status.terminal;
  const loss = new SmoothedLoss();
  let totalSteps = 0;
  let pace = new Pace(now);
  let metric: LastMetric | undefined;
  let lastLine = now();

  const print = (text: string) => {
    const lines = text.split("\n").map((line) => `${label === undefined ? "" : `${label}: `}${line}`);
    status.print(lines.join("\n"));
  };
  const prepare = (what: string) =>
    status.show((columns) => progressLine({ done: 0, fields: [[what]] }, columns, colors), { atOnce: true });

  return {
    prepare,
    print,
    end: () => status.clear(),
    onSave: () => prepare("saving"),
    onNotice: print,
    onStart(start: RunStart) {
      totalSteps = start.totalSteps;
      for (const line of describeStart(start)) print(line);
      if (start.completedSteps === 0) prepare("evaluating before the first step");
      else {
        print(`going on after step ${formatCount(start.completedSteps)}`);
        pace = new Pace(now);
      }
    },
    onRateTried({ learningRate, loss: reached }) {
      const told = Number.isFinite(reached) ? `loss ${reached.toPrecision(3)} after a short try` : "diverged";
      print(`rate ${learningRate.toExponential()}: ${told}`);
      prepare("trying another learning rate");
    },
    onStep(record: StepRecord) {
      const { step } = record;
      pace.step();
      const { left, count, others } = describeStep(record, { totalSteps, loss: loss.add(record.loss), metric, pace });
      if (isLive) {
        const fields = [[left], ...(label === undefined ? [] : [[label]]), [count], ...others];
        const state = { done: step / totalSteps, fields, curve: hasBlocks ? loss.history : [] };
        status.show((columns) => progressLine(state, columns, colors), { atOnce: step === totalSteps });
        return;
      }
      const every = Math.max(1, Math.ceil(totalSteps / plainLines));
      if (step % every !== 0 && step !== totalSteps && now() - lastLine < longestSilence) return;
      lastLine = now();
      print([`step ${count}`, left, ...others.map(([longest]) => longest)].join("  "));
    },
    onEvaluation(record: EvaluationRecord) {
      const { step, eval: evaluation } = record;
      const [first] = Object.entries(evaluation).filter(([name]) => name !== "loss");
      metric = first === undefined ? undefined : { text: formatMetric(...first), step };
      print(describeEvaluation(record));
      if (step === 0) {
        pace = new Pace(now);
        prepare(`${formatCount(totalSteps)} steps`);
      }
    },
  };
}

/** A metric and the step after which it was measured. */
interface LastMetric {
  readonly text: string;
  readonly step: number;
}

interface StepContext {
  readonly totalSteps: number;
  /** Smoothed. */
  readonly loss: number;
  readonly metric: LastMetric | undefined;
  readonly pace: Pace;
}

/** A step in words: how long the run will take, how far it is, and what else there is to say, the most important first. */
function describeStep(
  { step, learningRate }: StepRecord,
  { totalSteps, loss, metric, pace }: StepContext,
): { readonly left: string; readonly count: string; readonly others: readonly (readonly string[])[] } {
  const stepsPerSecond = pace.stepsPerSecond();
  return {
    left: `${formatSeconds((totalSteps - step) / stepsPerSecond)} left`,
    count: `${step}/${totalSteps}`,
    others: [
      [`loss ${loss.toPrecision(3)}`],
      ...(metric === undefined ? [] : [metricForms(metric, step)]),
      [`rate ${learningRate.toExponential(1)}`],
      [formatPace(stepsPerSecond)],
    ],
  };
}

/** "accuracy 87 % 40 steps ago", so that nobody takes it for the model's as it is now. */
function metricForms({ text, step: measured }: LastMetric, step: number): string[] {
  const age = step - measured;
  return age === 0 ? [text] : [`${text} ${formatCount(age)} ${age === 1 ? "step" : "steps"} ago`, text];
}

/** "accuracy 87 %", "matthews 0.54". */
function formatMetric(name: string, value: number): string {
  return `${name} ${name === "accuracy" ? `${(100 * value).toFixed(0)} %` : value.toPrecision(3)}`;
}

/** "3.2 steps/s", or for slow ones "12 s/step". */
function formatPace(stepsPerSecond: number): string {
  const isFast = stepsPerSecond >= 1;
  const number = isFast ? stepsPerSecond : 1 / stepsPerSecond;
  return `${number < 10 ? number.toFixed(1) : formatCount(Math.round(number))} ${isFast ? "steps/s" : "s/step"}`;
}
