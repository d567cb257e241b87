/**
 * Nano gradient descent: gradient descent with momentum on the entries of smallest magnitude. Without momentum it is the method of the
 * paper's theory ("Pay Attention to Small Weights", section 4 and Appendix E).
 */

import { checkMomentum } from "./check.js";
import { type SelectedOptions, selected } from "./selected/selected.js";
import type { EntriesAtHand, StepAtHand, UpdateRule } from "./selected/update-rule.js";
import { SgdRule } from "./sgd.js";
import type { Optimizer } from "./types.js";

export interface GradientDescentOptions {
  /** Fraction of the last direction that is kept. 0.9 unless given. */
  readonly momentum?: number | undefined;
}

/**
 * Gradient descent with momentum, as in PyTorch: `u = momentum * u + g + weightDecay * p`, then `p -= lr * u`. State of an entry:
 * `momentum`; none where that is 0.
 *
 * @throws TypeError or RangeError for a momentum out of range.
 */
export function gradientDescent({ momentum = 0.9 }: GradientDescentOptions = {}): UpdateRule {
  checkMomentum(momentum);
  return {
    name: "sgd",
    states: momentum === 0 ? [] : [{ name: "momentum", rounding: "nearest" }],
    needsAges: false,
    update: (entries, step) => updateEntries(entries, step, momentum),
    whole: ({ values }, weightDecay) => new SgdRule(values, momentum, weightDecay),
  };
}

function updateEntries(entries: EntriesAtHand, { learningRate, weightDecay }: StepAtHand, momentum: number): void {
  const { selection, firstChunk, endChunk, gradient, gradientStart, values, valueStart, stateStart } = entries;
  const [velocity] = entries.states;
  const { starts, offsets, chunkSize } = selection;
  const statesBefore = (starts[firstChunk] as number) - stateStart;
  const slopesBefore = (starts[firstChunk] as number) - gradientStart;
  for (let chunk = firstChunk; chunk < endChunk; chunk++) {
    const chunkStart = valueStart + (chunk - firstChunk) * chunkSize;
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      const entry = chunkStart + (offsets[position] as number);
      const value = values[entry] as number;
      let direction = (gradient[position - slopesBefore] as number) + weightDecay * value;
      if (velocity !== undefined) {
        direction += momentum * (velocity[position - statesBefore] as number);
        velocity[position - statesBefore] = direction;
      }
      values[entry] = value - learningRate * direction;
    }
  }
}

export interface NanoSgdOptions extends SelectedOptions, GradientDescentOptions {}

/**
 * Makes an optimizer of gradient descent with momentum on selected entries: per selected entry 4 bytes of state (2 in bfloat16, none
 * without momentum) and 2 of index.
 *
 * @throws TypeError or RangeError that names the option out of range, what was found and what was expected.
 */
export function createNanoSgd(options: NanoSgdOptions): Optimizer {
  return selected(gradientDescent(options), options);
}
