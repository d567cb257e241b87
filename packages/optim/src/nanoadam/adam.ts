/** Adam as a rule of update: what NanoAdam does with the entries it selects. */

import { AdamRule } from "../adamw.js";
import { type BiasFactors, BiasFactorsByAge, biasFactorsAt, noBiasCorrection, oldestAge } from "../bias-factors.js";
import { checkAdamConstants, checkChoice, checkCount } from "../check.js";
import type { EntriesAtHand, StepAtHand, UpdateRule } from "../selected/update-rule.js";

/** By what age moments may be corrected for their start at 0: the entry's, the run's, or not at all. */
export const biasCorrections = ["entry", "global", "none"] as const;
export type BiasCorrection = (typeof biasCorrections)[number];

/** What second moment a newly selected entry may have. */
export const enteringMoments = ["zero", "mean"] as const;
export type EnteringMoment = (typeof enteringMoments)[number];

export interface AdamOptions {
  /** Decay rates of the moments. [0.9, 0.999] unless given. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the root of the second moment. 1e-8 unless given. */
  readonly epsilon?: number | undefined;
  /** By which age moments are corrected for their start at 0. "global" unless given (docs/ablation.md). */
  readonly biasCorrection?: BiasCorrection | undefined;
  /** Updates over which the steps of a newly selected entry grow from a part to the whole; needs its age. 0 unless given. */
  readonly entryWarmup?: number | undefined;
  /**
   * The second moment of a newly selected entry. "zero" unless given; "mean": that of the entries of its chunk that stay selected, which
   * makes its first steps as long as theirs. Not with correction by entry.
   */
  readonly enteringMoment?: EnteringMoment | undefined;
}

/**
 * Adam with decoupled weight decay. States of an entry: `first_moment` and `second_moment`.
 *
 * @throws TypeError or RangeError that names the option out of range.
 */
export function adam(options: AdamOptions = {}): UpdateRule {
  const { betas = [0.9, 0.999], epsilon = 1e-8, biasCorrection = "global" } = options;
  const { entryWarmup = 0, enteringMoment = "zero" } = options;
  checkAdamConstants(betas, epsilon);
  checkChoice("biasCorrection", biasCorrection, biasCorrections);
  checkCount("entryWarmup", entryWarmup, 0);
  if (entryWarmup > oldestAge) throw new RangeError(`entryWarmup is ${entryWarmup}; expected at most ${oldestAge}`);
  checkChoice("enteringMoment", enteringMoment, enteringMoments);
  if (enteringMoment === "mean" && biasCorrection === "entry") {
    throw new RangeError(
      'enteringMoment is "mean"; expected "zero" with biasCorrection "entry", which corrects for that',
    );
  }
  const byEntry = new BiasFactorsByAge(betas);
  /** The correction that all entries share, where they do. */
  const factorsAt = ({ step, age }: StepAtHand): BiasFactors => {
    if (biasCorrection === "none") return noBiasCorrection;
    return biasFactorsAt(biasCorrection === "global" ? step + 1 : age, betas);
  };
  /** The factors of an entry by its age; what all share is that of age `step.age`. */
  const factorsByAge = (step: StepAtHand): FactorsByAge => {
    const shared = factorsAt(step);
    if (entryWarmup === 0) return byEntry;
    return new WarmedFactors(biasCorrection === "entry" ? byEntry : { at: () => shared }, entryWarmup);
  };
  return {
    name: "adam",
    states: [
      { name: "first_moment", rounding: "nearest" },
      { name: "second_moment", rounding: "stochastic", entering: enteringMoment },
    ],
    needsAges: biasCorrection === "entry" || entryWarmup > 0,
    update: (entries, step) => {
      const byAge = factorsByAge(step);
      const factors = entryWarmup === 0 ? factorsAt(step) : byAge.at(step.age);
      updateEntries(entries, step, { betas, epsilon, factors, factorsByAge: byAge });
    },
    // Every entry of a whole tensor is as old as the run, so correction by entry and by step are one.
    whole: ({ values }, weightDecay) =>
      new AdamRule(values, { betas, epsilon, weightDecay, biasCorrection: biasCorrection !== "none" }),
  };
}

/** The factors of an entry by its age, from 1. */
interface FactorsByAge {
  at(age: number): BiasFactors;
}

/** Factors that make an entry's first steps shorter: its `n`th of `warmup` by `n / warmup`. */
class WarmedFactors implements FactorsByAge {
  readonly #factors: FactorsByAge;
  readonly #warmup: number;
  readonly #known: BiasFactors[] = [];

  constructor(factors: FactorsByAge, warmup: number) {
    this.#factors = factors;
    this.#warmup = warmup;
  }

  at(age: number): BiasFactors {
    const factors = this.#factors.at(age);
    if (age >= this.#warmup) return factors;
    this.#known[age] ??= { first: (factors.first * age) / this.#warmup, root: factors.root };
    return this.#known[age];
  }
}

interface AdamAtHand {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly factors: BiasFactors;
  /** The correction by an entry's age, where ages differ. */
  readonly factorsByAge: FactorsByAge;
}

/** The loop that NanoAdam spends its step in. It takes all chunks of a tensor in one call. */
function updateEntries(
  entries: EntriesAtHand,
  { learningRate, weightDecay, age }: StepAtHand,
  { betas, epsilon, factors, factorsByAge }: AdamAtHand,
): void {
  const { selection, firstChunk, endChunk, ages, gradient, gradientStart, values, valueStart, stateStart } = entries;
  const firstMoment = entries.states[0] as Float32Array;
  const secondMoment = entries.states[1] as Float32Array;
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
