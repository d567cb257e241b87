/** Learning rates over a run: a linear warm-up, then a line or a half cosine to 0, or a constant. */

import { checkChoice, checkCount, checkNotNegative } from "./check.js";

/** How the learning rate may fall after the warm-up. */
export const learningRateSchedules = ["linear", "cosine", "constant"] as const;
export type LearningRateScheduleName = (typeof learningRateSchedules)[number];

export interface LearningRateSchedule {
  readonly schedule: LearningRateScheduleName;
  /** The highest rate: at the end of the warm-up, or from the start without one. */
  readonly learningRate: number;
  readonly totalSteps: number;
  /** Steps of warm-up, a count: see {@link warmupSteps} for fractions. 0 unless given. */
  readonly warmupSteps?: number | undefined;
}

/**
 * The learning rate of a step, as in Hugging Face's `get_*_schedule_with_warmup`: during `w` steps of warm-up
 * `learningRate * step / w` (so 0 at step 0); then, with progress `p = (step - w) / (totalSteps - w)`, `1 - p` times the
 * rate for "linear", `(1 + cos(pi p)) / 2` times for "cosine", the rate itself for "constant". From `totalSteps` on, 0 for
 * the first two.
 *
 * @param step from 0
 * @throws TypeError or RangeError that names the option out of range.
 */
export function learningRateAt(step: number, options: LearningRateSchedule): number {
  const { schedule, learningRate, totalSteps } = options;
  const warmup = options.warmupSteps ?? 0;
  checkCount("step", step, 0);
  checkChoice("schedule", schedule, learningRateSchedules);
  checkNotNegative("learningRate", learningRate);
  checkCount("totalSteps", totalSteps, 1);
  checkCount("warmupSteps", warmup, 0);
  if (step < warmup) return learningRate * (step / warmup);
  if (schedule === "constant") return learningRate;
  if (step >= totalSteps) return 0;
  const progress = (step - warmup) / (totalSteps - warmup);
  return schedule === "linear"
    ? learningRate * (1 - progress)
    : learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
}

/**
 * Steps of warm-up from what a user gives.
 *
 * @param value a number below 1 is a fraction of the steps, rounded up; any other is a count
 * @throws TypeError or RangeError for a negative value or a count that is not whole.
 */
export function warmupSteps(value: number, totalSteps: number): number {
  checkNotNegative("warmupSteps", value);
  checkCount("totalSteps", totalSteps, 1);
  return value < 1 ? Math.max(0, Math.ceil(value * totalSteps - 1e-9)) : checkCount("warmupSteps", value, 1);
}
