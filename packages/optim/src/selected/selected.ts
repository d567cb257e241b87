/**
 * A selection in front of any rule of update: each tensor keeps a selection of its entries, by default those of smallest magnitude,
 * and the rule's states of these only. The choice needs no gradient: it is known before the backward pass, which need compute
 * nothing else. Every `maskInterval` steps the selection is made anew ("Pay Attention to Small Weights", NeurIPS 2025, Algorithm 1).
 */

import { checkChoice, checkCount, checkNames, checkNotNegative, checkParameters } from "../check.js";
import { composeOptimizer } from "../optimizer.js";
import { checkChunkSize, defaultChunkSize } from "../selection/select.js";
import type { Optimizer, Parameter, TensorRule, WeightArray } from "../types.js";
import { type Criterion, criteria } from "./criterion.js";
import { checkDensitySchedule, type DensityScheduleName, densityAt, type RefreshSchedule } from "./density.js";
import { type StateType, stateTypes } from "./entry-states.js";
import { SelectedRule, type StateOnRefresh, statesOnRefresh } from "./selected-rule.js";
import { type ShareKind, Shares, shareKinds } from "./shares.js";
import { mostStates, type UpdateRule } from "./update-rule.js";

/** What is selected, and when. */
export interface SelectedOptions {
  /** Those selected from may be in bfloat16; the low bits of their selected entries are then held as state. */
  readonly parameters: readonly Parameter<WeightArray>[];
  /** Names of tensors updated whole by the same rule: normalisation layers and heads. None unless given. */
  readonly dense?: Iterable<string> | undefined;
  /** Fraction of each tensor selected at first: above 0, at most 1. 0.1 unless given. */
  readonly density?: number | undefined;
  /** Fraction reached at `totalSteps`; `density` unless given. Takes effect only with `densityInterval`. */
  readonly finalDensity?: number | undefined;
  /** How it gets there. "linear" unless given; "constant" leaves `finalDensity` and `densityInterval` out of account. */
  readonly densitySchedule?: DensityScheduleName | undefined;
  /**
   * The share of each tensor. "equal" unless given: `density`. "size": in proportion to its size, and "gradient": so that counts of selected
   * entries are in proportion to the energy of the gradient at the first step, which needs whole gradients then, and counts from the
   * second step on. The mean over all entries is `density` in each case.
   */
  readonly shareBy?: ShareKind | undefined;
  /** Selections are refreshed every so many steps; `totalSteps` makes one selection for the whole run. */
  readonly maskInterval: number;
  /** The density is evaluated every so many steps, and selections refreshed; off when absent or above `totalSteps`. */
  readonly densityInterval?: number | undefined;
  /** Steps of the run, over which the density changes. */
  readonly totalSteps: number;
  /** Entries per chunk of a flattened tensor, at most 65,536. 32,768 unless given. */
  readonly chunkSize?: number | undefined;
  /** Whether states are kept at a refresh. "carry" unless given: entries that stay selected keep theirs, others start at 0. */
  readonly stateOnRefresh?: StateOnRefresh | undefined;
  /** Which entries are selected: those of smallest magnitude unless given; the others are for comparison. */
  readonly criterion?: Criterion | undefined;
  /**
   * Whether entries that are 0, as in a pruned network, never move, or the names of the tensors of which that is so; the density is
   * then that of the others. Tensors in `dense` are not selected from, see `withZerosKept`.
   */
  readonly skipZeros?: boolean | Iterable<string> | undefined;
  /** Seed of the criterion "random". 0 unless given. */
  readonly seed?: number | undefined;
  /** How states of selected entries are stored; bfloat16 halves them. "float32" unless given. */
  readonly stateType?: StateType | undefined;
  /** Weight decay of the selected entries, as the rule has it. 0 unless given. */
  readonly weightDecay?: number | undefined;
  /** Weight decay of the tensors in `dense`. 0 unless given. */
  readonly denseWeightDecay?: number | undefined;
  /** The learning rate of the tensors in `dense`, as a factor of that of a step. 1 unless given. */
  readonly denseLearningRate?: number | undefined;
}

/**
 * Makes an optimizer that moves selected entries by a rule. It is called `nano` and the rule's name. Bytes of state per selected
 * entry: 4 for each state of the rule (2 in bfloat16), 2 for the index, 2 for the age where the rule needs it and ages differ
 * ("carry"), and 2 where weights are in bfloat16; per chunk 4, and 4 more per tensor. A refresh works in three megabytes of shared
 * memory.
 *
 * @throws TypeError or RangeError that names the option out of range, what was found and what was expected.
 */
export function selected(rule: UpdateRule, options: SelectedOptions): Optimizer {
  const { parameters, density = 0.1, finalDensity, maskInterval, densityInterval, totalSteps } = options;
  const { weightDecay = 0, denseWeightDecay = 0, chunkSize = defaultChunkSize, stateOnRefresh = "carry" } = options;
  const { criterion = "small", skipZeros = false, seed = 0, stateType = "float32" } = options;
  const { densitySchedule, shareBy = "equal", denseLearningRate = 1 } = options;
  const dense = new Set(options.dense);
  const densities = { density, finalDensity, densitySchedule, densityInterval, totalSteps };
  const schedule: RefreshSchedule = { ...densities, maskInterval };
  if (rule.states.length > mostStates) {
    throw new RangeError(`the rule "${rule.name}" has ${rule.states.length} states; expected at most ${mostStates}`);
  }
  checkParameters(parameters, (name) => !dense.has(name));
  checkNames("dense", dense, parameters);
  checkDensitySchedule(schedule);
  checkCount("maskInterval", maskInterval, 1);
  checkChunkSize(chunkSize);
  checkChoice("stateOnRefresh", stateOnRefresh, statesOnRefresh);
  if (stateOnRefresh === "reset" && rule.states.some(({ entering }) => entering === "mean")) {
    throw new RangeError(
      'stateOnRefresh is "reset"; expected "carry" with states that newly selected entries get the mean of',
    );
  }
  checkChoice("criterion", criterion, criteria);
  checkChoice("shareBy", shareBy, shareKinds);
  checkChoice("stateType", stateType, stateTypes);
  checkCount("seed", seed, 0);
  checkNotNegative("weightDecay", weightDecay);
  checkNotNegative("denseWeightDecay", denseWeightDecay);
  checkNotNegative("denseLearningRate", denseLearningRate);

  const skipped = typeof skipZeros === "boolean" ? undefined : new Set(skipZeros);
  if (skipped !== undefined) checkNames("skipZeros", skipped, parameters);
  const choiceOf = (name: string) => ({ criterion, skipZeros: skipped?.has(name) ?? skipZeros === true, seed });
  const chosenFrom = parameters.filter(({ name }) => !dense.has(name));
  const shares = new Shares(shareBy, new Map(chosenFrom.map(({ name, values }) => [name, values.length])));
  const selectedOptions = { schedule, chunkSize, stateOnRefresh, weightDecay, stateType, shares };
  return composeOptimizer(
    `nano${rule.name}`,
    parameters.map((parameter) => ({
      parameter,
      rule:
        dense.has(parameter.name) && isInFloat32(parameter)
          ? atRate(rule.whole(parameter, denseWeightDecay), denseLearningRate)
          : new SelectedRule(parameter, rule, { ...selectedOptions, choice: choiceOf(parameter.name) }),
    })),
    (step) => densityAt(step, schedule),
  );
}

function isInFloat32(parameter: Parameter<WeightArray>): parameter is Parameter {
  return parameter.values instanceof Float32Array;
}

/** A rule at a learning rate of its own. */
function atRate(rule: TensorRule, factor: number): TensorRule {
  return {
    prepare: (step) => rule.prepare(step),
    need: () => rule.need(),
    apply: (gradient, learningRate, step) => rule.apply(gradient, factor * learningRate, step),
    stateBytes: () => rule.stateBytes(),
    state: (completedSteps) => rule.state(completedSteps),
    restore: (state, completedSteps) => rule.restore(state, completedSteps),
  };
}
