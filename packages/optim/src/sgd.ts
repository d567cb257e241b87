/** Stochastic gradient descent with momentum, as in PyTorch: for reference, with half of Adam's state. */

import { checkMomentum, checkNames, checkNotNegative, checkParameters } from "./check.js";
import { checkStateKeys, composeOptimizer, stateArray } from "./optimizer.js";
import type { GradientNeed, Optimizer, Parameter, StateArray, TensorRule } from "./types.js";

const wholeGradient: GradientNeed = { kind: "whole" };

/** SGD on every entry of one tensor. State: `momentum`, Float32Array, one value per entry; none without momentum. */
export class SgdRule implements TensorRule {
  readonly #values: Float32Array;
  readonly #momentum: number;
  readonly #weightDecay: number;
  readonly #velocity: Float32Array;

  constructor(values: Float32Array, momentum: number, weightDecay: number) {
    this.#values = values;
    this.#momentum = momentum;
    this.#weightDecay = weightDecay;
    this.#velocity = new Float32Array(momentum === 0 ? 0 : values.length);
  }

  prepare(): void {}

  need(): GradientNeed {
    return wholeGradient;
  }

  apply(gradient: Float32Array, learningRate: number): void {
    const values = this.#values;
    const velocity = this.#velocity;
    for (let entry = 0; entry < values.length; entry++) {
      const value = values[entry] as number;
      let direction = (gradient[entry] as number) + this.#weightDecay * value;
      if (velocity.length > 0) {
        direction += this.#momentum * (velocity[entry] as number);
        velocity[entry] = direction;
      }
      values[entry] = value - learningRate * direction;
    }
  }

  stateBytes(): number {
    return this.#velocity.byteLength;
  }

  state(): ReadonlyMap<string, StateArray> {
    return new Map(this.#momentum === 0 ? [] : [["momentum", this.#velocity]]);
  }

  restore(state: ReadonlyMap<string, StateArray>): void {
    checkStateKeys(state, this.#momentum === 0 ? [] : ["momentum"]);
    if (this.#momentum !== 0) this.#velocity.set(stateArray(state, "momentum", Float32Array, this.#values.length));
  }
}

export interface SgdOptions {
  readonly parameters: readonly Parameter[];
  /** Fraction of the last direction that is kept. 0.9 unless given. */
  readonly momentum?: number | undefined;
  /** Added to the gradient as `weightDecay * weight`. 0 unless given. */
  readonly weightDecay?: number | undefined;
  /** Names of tensors that do not decay, such as biases and normalisation layers. */
  readonly noDecay?: Iterable<string> | undefined;
}

/**
 * SGD with momentum: `u = momentum * u + g + weightDecay * p`, then `p -= lr * u`. Four bytes of state per entry, none
 * without momentum.
 *
 * @throws TypeError or RangeError that names the option out of range.
 */
export function createSgd(options: SgdOptions): Optimizer {
  const { parameters, momentum = 0.9, weightDecay = 0 } = options;
  const noDecay = new Set(options.noDecay);
  checkParameters(parameters);
  checkMomentum(momentum);
  checkNotNegative("weightDecay", weightDecay);
  checkNames("noDecay", noDecay, parameters);
  return composeOptimizer(
    "sgd",
    parameters.map((parameter) => {
      const decay = noDecay.has(parameter.name) ? 0 : weightDecay;
      return { parameter, rule: new SgdRule(parameter.values, momentum, decay) };
    }),
  );
}
