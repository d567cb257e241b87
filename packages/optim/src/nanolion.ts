/**
 * NanoLion: Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms") on the entries of smallest magnitude. Every selected
 * entry moves by the learning rate, up or down, so it wants a rate several times smaller than Adam's.
 */

import { checkBetas } from "./check.js";
import { checkStateKeys, stateArray } from "./optimizer.js";
import { type SelectedOptions, selected } from "./selected/selected.js";
import type { EntriesAtHand, StepAtHand, UpdateRule } from "./selected/update-rule.js";
import type { GradientNeed, Optimizer, StateArray, TensorRule } from "./types.js";

export interface LionOptions {
  /** How much of the momentum goes into a step, and how much of it stays. [0.9, 0.99] unless given. */
  readonly betas?: readonly [number, number] | undefined;
}

/**
 * Lion with decoupled weight decay: `p -= lr * (sign(b1 * m + (1 - b1) * g) + weightDecay * p)`, then `m = b2 * m + (1 - b2) * g`.
 * State of an entry: `momentum`.
 *
 * @throws TypeError or RangeError for betas out of range.
 */
export function lion({ betas = [0.9, 0.99] }: LionOptions = {}): UpdateRule {
  checkBetas(betas);
  return {
    name: "lion",
    states: [{ name: "momentum", rounding: "stochastic" }],
    needsAges: false,
    update: (entries, step) => updateEntries(entries, step, betas),
    whole: ({ values }, weightDecay) => new LionRule(values, betas, weightDecay),
  };
}

function updateEntries(
  entries: EntriesAtHand,
  { learningRate, weightDecay }: StepAtHand,
  [beta1, beta2]: readonly [number, number],
): void {
  const { selection, firstChunk, endChunk, gradient, gradientStart, values, valueStart, stateStart } = entries;
  const [momentum] = entries.states as readonly [Float32Array];
  const { starts, offsets, chunkSize } = selection;
  const keep = 1 - learningRate * weightDecay;
  const statesBefore = (starts[firstChunk] as number) - stateStart;
  const slopesBefore = (starts[firstChunk] as number) - gradientStart;
  for (let chunk = firstChunk; chunk < endChunk; chunk++) {
    const chunkStart = valueStart + (chunk - firstChunk) * chunkSize;
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      const entry = chunkStart + (offsets[position] as number);
      const slope = gradient[position - slopesBefore] as number;
      const before = momentum[position - statesBefore] as number;
      const direction = Math.sign(beta1 * before + (1 - beta1) * slope);
      momentum[position - statesBefore] = beta2 * before + (1 - beta2) * slope;
      values[entry] = (values[entry] as number) * keep - learningRate * direction;
    }
  }
}

const wholeGradient: GradientNeed = { kind: "whole" };

/** Lion on every entry of one tensor. State: `momentum`, Float32Array, one value per entry. */
class LionRule implements TensorRule {
  readonly #values: Float32Array;
  readonly #betas: readonly [number, number];
  readonly #weightDecay: number;
  readonly #momentum: Float32Array;

  constructor(values: Float32Array, betas: readonly [number, number], weightDecay: number) {
    this.#values = values;
    this.#betas = betas;
    this.#weightDecay = weightDecay;
    this.#momentum = new Float32Array(values.length);
  }

  prepare(): void {}

  need(): GradientNeed {
    return wholeGradient;
  }

  apply(gradient: Float32Array, learningRate: number): void {
    const [beta1, beta2] = this.#betas;
    const keep = 1 - learningRate * this.#weightDecay;
    const [values, momentum] = [this.#values, this.#momentum];
    for (let entry = 0; entry < values.length; entry++) {
      const slope = gradient[entry] as number;
      const before = momentum[entry] as number;
      momentum[entry] = beta2 * before + (1 - beta2) * slope;
      const direction = Math.sign(beta1 * before + (1 - beta1) * slope);
      values[entry] = (values[entry] as number) * keep - learningRate * direction;
    }
  }

  stateBytes(): number {
    return this.#momentum.byteLength;
  }

  state(): ReadonlyMap<string, StateArray> {
    return new Map([["momentum", this.#momentum]]);
  }

  restore(state: ReadonlyMap<string, StateArray>): void {
    checkStateKeys(state, ["momentum"]);
    this.#momentum.set(stateArray(state, "momentum", Float32Array, this.#values.length));
  }
}

export interface NanoLionOptions extends SelectedOptions, LionOptions {}

/**
 * Makes a NanoLion optimizer: per selected entry 4 bytes of state (2 in bfloat16) and 2 of index.
 *
 * @throws TypeError or RangeError that names the option out of range, what was found and what was expected.
 */
export function createNanoLion(options: NanoLionOptions): Optimizer {
  return selected(lion(options), options);
}
