/**
 * AdamW on whole tensors: Adam with decoupled weight decay (Loshchilov and Hutter, 2019), step for step as in PyTorch. With
 * no decay it is plain Adam, which is how NanoAdam updates normalisation layers and heads.
 *
 * Arithmetic is in float64 on float32 storage: within a rounding of a framework that computes in float32.
 */

import { biasFactorsAt, noBiasCorrection } from "./bias-factors.js";
import { checkAdamConstants, checkNames, checkNotNegative, checkParameters } from "./check.js";
import { checkStateKeys, composeOptimizer, stateArray } from "./optimizer.js";
import type { GradientNeed, Optimizer, Parameter, StateArray, TensorRule } from "./types.js";

export interface AdamConstants {
  /** Decay rates of the first and second moment. [0.9, 0.999] unless given. */
  readonly betas: readonly [number, number];
  /** Added to the root of the second moment. 1e-8 unless given. */
  readonly epsilon: number;
}

const wholeGradient: GradientNeed = { kind: "whole" };

export interface AdamRuleOptions extends AdamConstants {
  /** Decoupled: each step first takes the fraction `learningRate * weightDecay` off the weight. */
  readonly weightDecay: number;
  readonly biasCorrection: boolean;
  /** Adds epsilon to the root of the second moment before this is corrected, as GaLore does. Not unless given. */
  readonly epsilonBeforeCorrection?: boolean;
}

/** AdamW on every entry of one tensor. States: `first_moment` and `second_moment`, Float32Array, one value per entry. */
export class AdamRule implements TensorRule {
  readonly #values: Float32Array;
  readonly #options: AdamRuleOptions;
  readonly #firstMoment: Float32Array;
  readonly #secondMoment: Float32Array;

  constructor(values: Float32Array, options: AdamRuleOptions) {
    this.#values = values;
    this.#options = options;
    this.#firstMoment = new Float32Array(values.length);
    this.#secondMoment = new Float32Array(values.length);
  }

  prepare(): void {}

  need(): GradientNeed {
    return wholeGradient;
  }

  apply(gradient: Float32Array, learningRate: number, step: number): void {
    const { betas, weightDecay, biasCorrection } = this.#options;
    const [beta1, beta2] = betas;
    const { first, root } = biasCorrection ? biasFactorsAt(step + 1, betas) : noBiasCorrection;
    const epsilon = this.#options.epsilon * (this.#options.epsilonBeforeCorrection === true ? root : 1);
    const rate = learningRate * first;
    const keep = 1 - learningRate * weightDecay;
    const values = this.#values;
    const firstMoment = this.#firstMoment;
    const secondMoment = this.#secondMoment;
    for (let entry = 0; entry < values.length; entry++) {
      const slope = gradient[entry] as number;
      const m = beta1 * (firstMoment[entry] as number) + (1 - beta1) * slope;
      const v = beta2 * (secondMoment[entry] as number) + (1 - beta2) * slope * slope;
      firstMoment[entry] = m;
      secondMoment[entry] = v;
      values[entry] = (values[entry] as number) * keep - (rate * m) / (Math.sqrt(v) * root + epsilon);
    }
  }

  stateBytes(): number {
    return this.#firstMoment.byteLength + this.#secondMoment.byteLength;
  }

  state(): ReadonlyMap<string, StateArray> {
    return new Map([
      ["first_moment", this.#firstMoment],
      ["second_moment", this.#secondMoment],
    ]);
  }

  restore(state: ReadonlyMap<string, StateArray>): void {
    checkStateKeys(state, ["first_moment", "second_moment"]);
    const firstMoment = stateArray(state, "first_moment", Float32Array, this.#values.length);
    const secondMoment = stateArray(state, "second_moment", Float32Array, this.#values.length);
    this.#firstMoment.set(firstMoment);
    this.#secondMoment.set(secondMoment);
  }
}

export interface AdamWOptions {
  readonly parameters: readonly Parameter[];
  readonly betas?: readonly [number, number] | undefined;
  readonly epsilon?: number | undefined;
  /** Decoupled weight decay, 0.01 unless given. */
  readonly weightDecay?: number | undefined;
  /** Names of tensors that do not decay, such as biases and normalisation layers. */
  readonly noDecay?: Iterable<string> | undefined;
}

/**
 * AdamW as in PyTorch: `p *= 1 - lr * weightDecay`, then `p -= lr * m' / (sqrt(v') + epsilon)` with bias-corrected moments.
 * Eight bytes of state per entry.
 *
 * @throws TypeError or RangeError that names the option out of range.
 */
export function createAdamW(options: AdamWOptions): Optimizer {
  const { parameters, betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0.01 } = options;
  const noDecay = new Set(options.noDecay);
  checkParameters(parameters);
  checkAdamConstants(betas, epsilon);
  checkNotNegative("weightDecay", weightDecay);
  checkNames("noDecay", noDecay, parameters);
  return composeOptimizer(
    "adamw",
    parameters.map((parameter) => {
      const decay = noDecay.has(parameter.name) ? 0 : weightDecay;
      const rule = new AdamRule(parameter.values, { betas, epsilon, weightDecay: decay, biasCorrection: true });
      return { parameter, rule };
    }),
  );
}
