/** When selections are refreshed, and how dense they are. */

import { checkChoice, checkCount, checkDensity } from "../check.js";

/** How the density goes from its first value to its last. */
export const densityScheduleNames = ["linear", "cosine", "constant"] as const;
export type DensityScheduleName = (typeof densityScheduleNames)[number];

export interface DensitySchedule {
  /** The fraction of entries selected at step 0. */
  readonly density: number;
  /** "linear" unless given; "cosine" begins and ends slowly; "constant" has neither final density nor interval. */
  readonly densitySchedule?: DensityScheduleName | undefined;
  /** The fraction reached at `totalSteps`, below or above `density`; `density` itself unless given. */
  readonly finalDensity?: number | undefined;
  /** The density changes at multiples of this many steps; never, where it is absent or above `totalSteps`. */
  readonly densityInterval?: number | undefined;
  readonly totalSteps: number;
}

export interface RefreshSchedule extends DensitySchedule {
  /** Selections are refreshed at multiples of this many steps. */
  readonly maskInterval: number;
}

/** @throws TypeError or RangeError that names the option. */
export function checkDensitySchedule(schedule: DensitySchedule): void {
  checkDensity("density", schedule.density);
  if (schedule.densitySchedule !== undefined) {
    checkChoice("densitySchedule", schedule.densitySchedule, densityScheduleNames);
  }
  if (schedule.finalDensity !== undefined) checkDensity("finalDensity", schedule.finalDensity);
  if (schedule.densityInterval !== undefined) checkCount("densityInterval", schedule.densityInterval, 1);
  checkCount("totalSteps", schedule.totalSteps, 1);
}

function changesDensity(schedule: DensitySchedule): schedule is DensitySchedule & { readonly densityInterval: number } {
  if (schedule.densitySchedule === "constant" || schedule.densityInterval === undefined) return false;
  return schedule.densityInterval <= schedule.totalSteps;
}

/**
 * The density in force at a step: from `density` to `finalDensity` over `totalSteps`, in a line or half a cosine, evaluated at the last
 * multiple of `densityInterval` (docs/method.md, section 1). Beyond the last step it stays at `finalDensity`.
 *
 * @param step from 0
 * @throws TypeError or RangeError that names the option out of range.
 */
export function densityAt(step: number, schedule: DensitySchedule): number {
  checkCount("step", step, 0);
  checkDensitySchedule(schedule);
  const { density, finalDensity, totalSteps, densitySchedule } = schedule;
  if (finalDensity === undefined || !changesDensity(schedule)) return density;
  const evaluatedAt = Math.floor(step / schedule.densityInterval) * schedule.densityInterval;
  if (evaluatedAt >= totalSteps) return finalDensity;
  const progress = evaluatedAt / totalSteps;
  return (
    density +
    (finalDensity - density) * (densitySchedule === "cosine" ? (1 - Math.cos(Math.PI * progress)) / 2 : progress)
  );
}

/**
 * Whether selections are refreshed before a step: at multiples of `maskInterval`, and whenever the density is evaluated
 * anew (paper, Algorithm 1).
 *
 * @param step from 0; step 0 always is
 */
export function refreshIsDue(step: number, schedule: RefreshSchedule): boolean {
  return step % schedule.maskInterval === 0 || (changesDensity(schedule) && step % schedule.densityInterval === 0);
}
