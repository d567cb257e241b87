/** Title and notes of a comparison's pages. */
import { flagOf } from "../options/option-types.js";
import type { Comparison } from "./comparison.js";
import { formatRate } from "./learning-rates.js";
import { isFinished } from "./run-result.js";

/** The heading of a comparison. */
export function titleOf({ configuration }: Comparison): string {
  return `Optimizers compared on ${String(configuration.model)}`;
}

/** How to read the table, a sentence an entry. */
export function notesOf({ configuration, metric, seeds, progress, jobs }: Comparison): string[] {
  const { task, train } = configuration;
  return [
    `${String(task)} on ${String(train)}.`,
    `Figures are of each optimizer's best learning rate, as means over ${seeds === 1 ? "one seed" : `up to ${seeds} seeds`}; ${metric.name} (${metric.better} is better) with its sample standard deviation.`,
    ...(progress.ended < progress.planned ? [`${progress.ended} of ${progress.planned} runs so far.`] : []),
    ...(jobs > 1 ? [`Up to ${jobs} runs went at a time, so that step times contend.`] : []),
  ];
}

/** A line for every run that failed. */
export function failuresOf({ runs }: Comparison): string[] {
  return runs.flatMap((run) =>
    isFinished(run)
      ? []
      : [
          `${run.optimizer}, learning rate ${formatRate(run.learningRate)}, seed ${run.seed}: ${inPlainWords(run.failure)}`,
        ],
  );
}

/** A message whose options, in backticks by their names, are the flags of the command line. */
function inPlainWords(message: string): string {
  return message.replace(/`(\w+)`/g, (_, option: string) => flagOf(option));
}
