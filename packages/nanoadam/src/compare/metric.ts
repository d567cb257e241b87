import { InputError } from "../errors.js";
import { isBetterLower } from "../tasks/metrics.js";
import { type TaskName, taskKind } from "../tasks/registry.js";

/** The figure of the final evaluation that contestants are ranked by. */
export interface Metric {
  readonly name: string;
  readonly better: "higher" | "lower";
}

/**
 * The metric of a name, or the task's usual one.
 * @throws InputError for a name that the task's evaluation does not have.
 */
export function metricOf(task: TaskName, name?: string): Metric {
  const known = taskKind(task).metrics;
  const chosen = name ?? known[0];
  if (!known.includes(chosen)) {
    throw new InputError(`\`metric\` is "${chosen}", expected one of ${known.join(", ")} for ${task}`);
  }
  return { name: chosen, better: isBetterLower(chosen) ? "lower" : "higher" };
}
