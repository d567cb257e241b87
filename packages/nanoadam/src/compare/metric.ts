import { InputError } from "../errors.js";
import type { ObjectiveOptions } from "../options/objective-options.js";

/** The figure of the final evaluation that contestants are ranked by. */
export interface Metric {
  readonly name: string;
  readonly better: "higher" | "lower";
}

/** What an evaluation of each task has, the usual figure first. */
const metricsOfTasks: Readonly<Record<ObjectiveOptions["task"], readonly [string, ...string[]]>> = {
  classification: ["accuracy", "f1", "matthews", "loss"],
  regression: ["pearson", "spearman", "loss"],
  "masked-lm": ["loss", "perplexity", "accuracy"],
};

/**
 * The metric of a name, or the task's usual one.
 * @throws InputError for a name that the task's evaluation does not have.
 */
export function metricOf(task: ObjectiveOptions["task"], name?: string): Metric {
  const known = metricsOfTasks[task];
  const chosen = name ?? known[0];
  if (!known.includes(chosen)) {
    throw new InputError(`\`metric\` is "${chosen}", expected one of ${known.join(", ")} for ${task}`);
  }
  return { name: chosen, better: chosen === "loss" || chosen === "perplexity" ? "lower" : "higher" };
}
