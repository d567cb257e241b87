/**
 * NanoAdam: Adam on the entries of smallest magnitude ("Pay Attention to Small Weights", NeurIPS 2025, Algorithm 1).
 *
 * Large weights hold what pretraining learned; small ones are free to learn, and during fine-tuning they get the large
 * gradients anyway. So each tensor keeps a selection of its smallest entries and Adam's moments of these only. The choice
 * needs no gradient: it is known before the backward pass, which need compute nothing else. Every `maskInterval` steps the
 * selection is made anew. Two questions that the paper leaves open are options:
 *
 * - `stateOnRefresh`: "carry" keeps the moments of the entries that stay selected and starts the others at 0; "reset"
 *   starts all at 0.
 * - `biasCorrection`: "entry" corrects by the number of updates that an entry's moments have seen, "global" by the number
 *   of steps, "none" not at all, as Algorithm 1 is printed.
 */

import { AdamRule } from "../adamw.js";
import { BiasFactorsByAge } from "../bias-factors.js";
import {
  checkAdamConstants,
  checkChoice,
  checkCount,
  checkNames,
  checkNotNegative,
  checkParameters,
} from "../check.js";
import { composeOptimizer } from "../optimizer.js";
import { checkChunkSize, defaultChunkSize } from "../selection/select.js";
import type { Optimizer, Parameter, WeightArray } from "../types.js";
import { type Criterion, criteria } from "./criterion.js";
import { checkDensitySchedule, densityAt, type RefreshSchedule } from "./density.js";
import { type StateType, stateTypes } from "./moments.js";
import { type BiasCorrection, biasCorrections, NanoAdamRule, type StateOnRefresh, statesOnRefresh } from "./rule.js";

export interface NanoAdamOptions {
  /** Those selected from may be in bfloat16; the low bits of their selected entries are then held as state. */
  readonly parameters: readonly Parameter<WeightArray>[];
  /** Names of tensors updated whole with plain Adam: normalisation layers and heads. None unless given. */
  readonly dense?: Iterable<string> | undefined;
  /** Fraction of each tensor selected at first: above 0, at most 1. 0.1 unless given. */
  readonly density?: number | undefined;
  /** Fraction reached at `totalSteps`, linearly; `density` unless given. Takes effect only with `densityInterval`. */
  readonly finalDensity?: number | undefined;
  /** Selections are refreshed every so many steps; `totalSteps` makes one selection for the whole run. */
  readonly maskInterval: number;
  /** The density is evaluated every so many steps, and selections refreshed; off when absent or above `totalSteps`. */
  readonly densityInterval?: number | undefined;
  /** Steps of the run, over which the density changes. */
  readonly totalSteps: number;
  /** Entries per chunk of a flattened tensor, at most 65,536. 32,768 unless given. */
  readonly chunkSize?: number | undefined;
  /** Whether moments are kept at a refresh. "carry" unless given. */
  readonly stateOnRefresh?: StateOnRefresh | undefined;
  /** By which age moments are corrected for their start at 0. "global" unless given (docs/ablation.md). */
  readonly biasCorrection?: BiasCorrection | undefined;
  /** Which entries are selected: those of smallest magnitude unless given; the others are for comparison. */
  readonly criterion?: Criterion | undefined;
  /**
   * Whether entries that are 0, as in a pruned network, never move, or the names of the tensors of which that is so; the density is
   * then that of the others. Tensors in `dense` are not selected from, see `withZerosKept`.
   */
  readonly skipZeros?: boolean | Iterable<string> | undefined;
  /** Seed of the criterion "random". 0 unless given. */
  readonly seed?: number | undefined;
  /** How moments of selected entries are stored; bfloat16 halves them. "float32" unless given. */
  readonly stateType?: StateType | undefined;
  /** Decay rates of the moments. [0.9, 0.999] unless given. */
  readonly betas?: readonly [number, number] | undefined;
  /** Added to the root of the second moment. 1e-8 unless given. */
  readonly epsilon?: number | undefined;
  /** Decoupled weight decay of the selected entries. 0 unless given. */
  readonly weightDecay?: number | undefined;
  /** Decoupled weight decay of the tensors in `dense`. 0 unless given, which is plain Adam. */
  readonly denseWeightDecay?: number | undefined;
}

/**
 * Makes a NanoAdam optimizer. Bytes of state per selected entry: 8 for the moments (4 in bfloat16), 2 for the index, 2 for
 * the age where ages differ ("carry" with "entry"), and 2 where weights are in bfloat16; per chunk 4, and 4 more per tensor;
 * per entry of a dense tensor 8. A refresh works in three megabytes of shared memory.
 *
 * @throws TypeError or RangeError that names the option out of range, what was found and what was expected.
 */
export function createNanoAdam(options: NanoAdamOptions): Optimizer {
  const { parameters, density = 0.1, finalDensity, maskInterval, densityInterval, totalSteps } = options;
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0, denseWeightDecay = 0 } = options;
  const { chunkSize = defaultChunkSize, stateOnRefresh = "carry", biasCorrection = "global" } = options;
  const { criterion = "small", skipZeros = false, seed = 0, stateType = "float32" } = options;
  const dense = new Set(options.dense);
  const schedule: RefreshSchedule = { density, finalDensity, maskInterval, densityInterval, totalSteps };
  checkParameters(parameters, (name) => !dense.has(name));
  checkNames("dense", dense, parameters);
  checkDensitySchedule(schedule);
  checkCount("maskInterval", maskInterval, 1);
  checkChunkSize(chunkSize);
  checkChoice("stateOnRefresh", stateOnRefresh, statesOnRefresh);
  checkChoice("biasCorrection", biasCorrection, biasCorrections);
  checkChoice("criterion", criterion, criteria);
  checkChoice("stateType", stateType, stateTypes);
  checkCount("seed", seed, 0);
  checkAdamConstants(betas, epsilon);
  checkNotNegative("weightDecay", weightDecay);
  checkNotNegative("denseWeightDecay", denseWeightDecay);

  const skipped = typeof skipZeros === "boolean" ? undefined : new Set(skipZeros);
  if (skipped !== undefined) checkNames("skipZeros", skipped, parameters);
  const choiceOf = (name: string) => ({ criterion, skipZeros: skipped?.has(name) ?? skipZeros === true, seed });
  const sparseOptions = {
    schedule,
    chunkSize,
    stateOnRefresh,
    biasCorrection,
    betas,
    epsilon,
    weightDecay,
    factorsByAge: new BiasFactorsByAge(betas),
    stateType,
  };
  const denseOptions = {
    betas,
    epsilon,
    weightDecay: denseWeightDecay,
    // Every entry of a dense tensor is as old as the run, so correction by entry and by step are one.
    biasCorrection: biasCorrection !== "none",
  };
  return composeOptimizer(
    "nanoadam",
    parameters.map((parameter) => ({
      parameter,
      rule:
        dense.has(parameter.name) && parameter.values instanceof Float32Array
          ? new AdamRule(parameter.values, denseOptions)
          : new NanoAdamRule(parameter, { ...sparseOptions, choice: choiceOf(parameter.name) }),
    })),
    (step) => densityAt(step, schedule),
  );
}
