/** The progress of a run on a terminal: one line that is rewritten; elsewhere, plain lines now and then. */
import { formatCount, formatSeconds, formatShare } from "../format.js";
import type { Evaluation } from "../train/evaluation.js";
import type { EvaluationRecord, RunStart, StepRecord, TrainingObserver } from "../train/observer.js";

const plainLines = 20;

export interface ProgressOptions {
  readonly stream: { write(text: string): unknown; readonly isTTY?: boolean; readonly columns?: number };
  /** The task's metric to show, known from the run's start. */
  readonly label?: string;
}

/** "accuracy 0.812  f1 0.803  loss 0.431". */
export function formatEvaluation({ loss, ...metrics }: Evaluation): string {
  const parts = Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  return [...parts, `loss ${loss.toFixed(4)}`].join("  ");
}

/** Names of tensors, the first few in full. */
function formatNames(names: readonly string[]): string {
  const shown = names.slice(0, 6).join(", ");
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown;
}

export function progressObserver({ stream, label }: ProgressOptions): Required<Omit<TrainingObserver, "onUpdate">> {
  const onTerminal = stream.isTTY === true;
  let lastEvaluation = "";
  let started = 0;
  let [steps, totalSteps] = [0, 0];
  const line = (text: string) => {
    if (onTerminal) stream.write("\r\u001b[K");
    stream.write(`${label === undefined ? "" : `${label}: `}${text}\n`);
  };
  return {
    onNotice: line,
    onStart(start: RunStart) {
      started = performance.now();
      totalSteps = start.totalSteps;
      const { counts, initialised, unused, truncated, learningRate } = start;
      line(`${start.architecture} from ${start.source}, ${formatCount(counts.total)} parameters`);
      if (initialised.length > 0) line(`freshly initialised: ${formatNames(initialised)}`);
      if (unused.length > 0) line(`not used: ${formatNames(unused)}`);
      line(
        `${formatCount(start.trainExamples)} training and ${formatCount(start.evaluationExamples)} evaluation examples of at most ${start.maxLength} tokens${truncated > 0 ? ` (${formatCount(truncated)} were cut)` : ""}`,
      );
      line(
        `${formatCount(totalSteps)} steps, learning rate ${learningRate}; updates ${formatCount(counts.selected.count)} selected entries (${formatShare(counts.selected.share)}) and ${formatCount(counts.dense.count)} of whole tensors`,
      );
    },
    onStep(record: StepRecord) {
      steps++;
      const every = Math.max(1, Math.ceil(totalSteps / plainLines));
      const isShown = onTerminal || record.step % every === 0 || record.step === totalSteps;
      if (!isShown) return;
      const left = ((performance.now() - started) / 1000 / steps) * (totalSteps - record.step);
      const text = [
        `step ${record.step}/${totalSteps}`,
        `epoch ${record.epoch.toFixed(2)}`,
        `loss ${record.loss.toFixed(4)}`,
        ...(lastEvaluation === "" ? [] : [lastEvaluation]),
        ...(record.density === undefined ? [] : [`density ${formatShare(record.density)}`]),
        `rate ${record.learningRate.toExponential(2)}`,
        `${formatCount(Math.round(record.tokensPerSecond))} tokens/s`,
        `${formatSeconds(left)} left`,
      ].join("  ");
      if (onTerminal) stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 120) - 1)}`);
      else line(text);
    },
    onEvaluation({ step, eval: evaluation }: EvaluationRecord) {
      const [metric] = Object.entries(evaluation).filter(([name]) => name !== "loss");
      lastEvaluation = metric === undefined ? "" : `${metric[0]} ${metric[1].toFixed(4)}`;
      line(`${step === 0 ? "before" : `after step ${step}`}: ${formatEvaluation(evaluation)}`);
    },
  };
}
