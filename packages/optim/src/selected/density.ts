/** When selections are refreshed, and how dense they are. */

import { checkCount, checkDensity } from "../check.js";

export interface DensitySchedule {
  /** The fraction of entries selected at step 0. */
  readonly density: number;
  /** The fraction that the line from `density` reaches at `totalSteps`; `density` itself unless given. */
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
  if (schedule.finalDensity !== undefined) checkDensity("finalDensity", schedule.finalDensity);
  if (schedule.densityInterval !== undefined) checkCount("densityInterval", schedule.densityInterval, 1);
  checkCount("totalSteps", schedule.totalSteps, 1);
}

function changesDensity(schedule: DensitySchedule): schedule is DensitySchedule & { readonly densityInterval: number } {
  return schedule.densityInterval !== undefined && schedule.densityInterval <= schedule.totalSteps;
}

/**
 * The density in force at a step: linear from `density` to `finalDensity` over `totalSteps`, evaluated at the last
 * multiple of `densityInterval` (docs/method.md, section 1). Beyond the last step it stays at `finalDensity`.
 *
 * @param step from 0
 * @throws TypeError or RangeError that names the option out of range.
 */
export function densityAt(step: number, schedule: DensitySchedule): number {
  checkCount("step", step, 0);
  checkDensitySchedule(schedule);
  const { density, finalDensity, totalSteps } = schedule;
  if (finalDensity === undefined || !changesDensity(schedule)) return density;
  const evaluatedAt = Math.floor(step / schedule.densityInterval) * schedule.densityInterval;
  if (evaluatedAt >= totalSteps) return finalDensity;
  return density + (finalDensity - density) * (evaluatedAt / totalSteps);
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
