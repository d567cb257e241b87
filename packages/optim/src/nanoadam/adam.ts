/** Adam as a rule of update: what NanoAdam does with the entries it selects. */

import { AdamRule } from "../adamw.js";
import { type BiasFactors, BiasFactorsByAge, biasFactorsAt, noBiasCorrection } from "../bias-factors.js";
import { checkAdamConstants, checkChoice } from "../check.js";
import type { EntriesAtHand, StepAtHand, UpdateRule } from "../selected/update-rule.js";

/** By what age moments may be corrected for their start at 0: the entry's, the run's, or not at all. */
export const biasCorrections = ["entry", "global", "none"] as const;
export type BiasCorrection = (typeof biasCorrections)[number];

export interface AdamOptions {
  /** Decay rates of the moments. [0.9, 0.999] unless given. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the root of the second moment. 1e-8 unless given. */
  readonly epsilon?: number | undefined;
  /** By which age moments are corrected for their start at 0. "global" unless given (docs/ablation.md). */
  readonly biasCorrection?: BiasCorrection | undefined;
}

/**
 * Adam with decoupled weight decay. States of an entry: `first_moment` and `second_moment`.
 *
 * @throws TypeError or RangeError that names the option out of range.
 */
export function adam(options: AdamOptions = {}): UpdateRule {
  const { betas = [0.9, 0.999], epsilon = 1e-8, biasCorrection = "global" } = options;
  checkAdamConstants(betas, epsilon);
  checkChoice("biasCorrection", biasCorrection, biasCorrections);
  const factorsByAge = new BiasFactorsByAge(betas);
  /** The correction that all entries share, where they do. */
  const factorsAt = ({ step, age }: StepAtHand): BiasFactors =>
    biasCorrection === "none" ? noBiasCorrection : biasFactorsAt(biasCorrection === "global" ? step + 1 : age, betas);
  return {
    name: "adam",
    states: [
      { name: "first_moment", rounding: "nearest" },
      { name: "second_moment", rounding: "stochastic" },
    ],
    needsAges: biasCorrection === "entry",
    update: (entries, step) => updateEntries(entries, step, { betas, epsilon, factors: factorsAt(step), factorsByAge }),
    // Every entry of a whole tensor is as old as the run, so correction by entry and by step are one.
    whole: ({ values }, weightDecay) =>
      new AdamRule(values, { betas, epsilon, weightDecay, biasCorrection: biasCorrection !== "none" }),
  };
}

interface AdamAtHand {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly factors: BiasFactors;
  /** The correction by an entry's age, where ages differ. */
  readonly factorsByAge: BiasFactorsByAge;
}

/** The loop that NanoAdam spends its step in. It takes all chunks of a tensor in one call. */
function updateEntries(
  { selection, firstChunk, endChunk, ages, ...at }: EntriesAtHand,
  { learningRate, weightDecay, age }: StepAtHand,
  { betas, epsilon, factors, factorsByAge }: AdamAtHand,
): void {
  const { gradient, gradientStart, values, valueStart, stateStart } = at;
  const [firstMoment, secondMoment] = at.states as readonly [Float32Array, Float32Array];
  const { starts, offsets, chunkSize } = selection;
  const [beta1, beta2] = betas;
  const keep = 1 - learningRate * weightDecay;
  const momentsBefore = (starts[firstChunk] as number) - stateStart;
  const slopesBefore = (starts[firstChunk] as number) - gradientStart;
  for (let chunk = firstChunk; chunk < endChunk; chunk++) {
    const chunkStart = valueStart + (chunk - firstChunk) * chunkSize;
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      const { first, root } = ages === undefined ? factors : factorsByAge.at((ages[position] as number) + age);
      const moment = position - momentsBefore;
      const slope = gradient[position - slopesBefore] as number;
      const m = beta1 * (firstMoment[moment] as number) + (1 - beta1) * slope;
      const v = beta2 * (secondMoment[moment] as number) + (1 - beta2) * slope * slope;
      firstMoment[moment] = m;
      secondMoment[moment] = v;
      const entry = chunkStart + (offsets[position] as number);
      const change = (learningRate * first * m) / (Math.sqrt(v) * root + epsilon);
      values[entry] = (values[entry] as number) * keep - change;
    }
  }
}
