/** An optimizer is one rule per tensor: this file puts them together, and checks what passes between them and the caller. */

import { fromBfloat16 } from "./bfloat16.js";
import { checkNotNegative, checkParameters } from "./check.js";
import { gatherEntries } from "./selection/gather.js";
import type {
  GradientNeed,
  Optimizer,
  OptimizerState,
  Parameter,
  StateArray,
  TensorRule,
  WeightArray,
} from "./types.js";

/** A tensor and how it is updated. */
export interface RuledParameter {
  readonly parameter: Parameter<WeightArray>;
  readonly rule: TensorRule;
}

/**
 * Makes an optimizer of one rule per tensor.
 *
 * @param name the optimizer's own name
 * @param densityOfStep the density in force at a step; absent for dense optimizers
 * @throws TypeError or RangeError for repeated names or values that do not fit their shape.
 */
export function composeOptimizer(
  name: string,
  members: readonly RuledParameter[],
  densityOfStep?: (step: number) => number,
): Optimizer {
  return new ComposedOptimizer(name, members, densityOfStep);
}

class ComposedOptimizer implements Optimizer {
  readonly name: string;
  readonly #members: ReadonlyMap<string, RuledParameter>;
  readonly #densityOfStep: ((step: number) => number) | undefined;
  #completedSteps = 0;
  /** The step that was prepared last: equal to `#completedSteps` between `prepare` and `apply`, one less otherwise. */
  #preparedStep = -1;
  /** Tensors that the step has updated one by one. */
  readonly #updated = new Set<string>();

  constructor(name: string, members: readonly RuledParameter[], densityOfStep?: (step: number) => number) {
    checkParameters(
      members.map((member) => member.parameter),
      () => true,
    );
    this.name = name;
    this.#members = new Map(members.map((member) => [member.parameter.name, member]));
    this.#densityOfStep = densityOfStep;
  }

  get completedSteps(): number {
    return this.#completedSteps;
  }

  prepare(): void {
    if (this.#preparedStep === this.#completedSteps) return;
    for (const { rule } of this.#members.values()) rule.prepare(this.#completedSteps);
    this.#preparedStep = this.#completedSteps;
  }

  need(parameterName: string): GradientNeed {
    return this.#member(parameterName).rule.need();
  }

  apply(
    gradients: ReadonlyMap<string, WeightArray>,
    learningRate: number,
    beforeUpdate?: (parameterName: string) => void,
  ): void {
    this.#checkReady(learningRate);
    if (this.#updated.size > 0) {
      throw new Error(`apply was called for step ${this.#completedSteps} with tensors updated; expected complete`);
    }
    for (const name of gradients.keys()) this.#member(name);
    for (const { parameter, rule } of this.#members.values()) {
      checkGradient(gradients.get(parameter.name), parameter, rule.need());
    }
    for (const [name, member] of this.#members) {
      const gradient = member.rule.need().kind === "nothing" ? undefined : gradients.get(name);
      if (gradient !== undefined) this.#move(member, gradient, learningRate, beforeUpdate);
    }
    this.#completedSteps++;
  }

  update(
    parameterName: string,
    gradient: WeightArray,
    learningRate: number,
    beforeUpdate?: (parameterName: string) => void,
  ): void {
    this.#checkReady(learningRate);
    const member = this.#member(parameterName);
    if (this.#updated.has(parameterName)) {
      throw new Error(`"${parameterName}" was updated already in step ${this.#completedSteps}`);
    }
    const need = member.rule.need();
    checkGradient(gradient, member.parameter, need);
    this.#updated.add(parameterName);
    if (need.kind !== "nothing") this.#move(member, gradient, learningRate, beforeUpdate);
  }

  complete(): void {
    for (const { parameter, rule } of this.#members.values()) {
      if (!this.#updated.has(parameter.name)) checkGradient(undefined, parameter, rule.need());
    }
    this.#updated.clear();
    this.#completedSteps++;
  }

  #checkReady(learningRate: number): void {
    checkNotNegative("learningRate", learningRate);
    if (this.#preparedStep !== this.#completedSteps) {
      throw new Error(`apply was called for step ${this.#completedSteps} without prepare; expected prepare first`);
    }
  }

  #move(
    { parameter, rule }: RuledParameter,
    gradient: WeightArray,
    learningRate: number,
    beforeUpdate: ((parameterName: string) => void) | undefined,
  ): void {
    beforeUpdate?.(parameter.name);
    rule.apply(gradient, learningRate, this.#completedSteps);
  }

  density(): number | undefined {
    return this.#densityOfStep?.(Math.max(0, this.#preparedStep));
  }

  stateBytes(): number {
    let bytes = 0;
    for (const { rule } of this.#members.values()) bytes += rule.stateBytes();
    return bytes;
  }

  state(): OptimizerState {
    const { completedSteps, tensors } = this.stateInPlace();
    return { completedSteps, tensors: new Map([...tensors].map(([name, array]) => [name, array.slice()])) };
  }

  stateInPlace(): OptimizerState {
    const tensors = new Map<string, StateArray>();
    for (const [name, { rule }] of this.#members) {
      for (const [key, array] of rule.state(this.#completedSteps)) tensors.set(`${name}/${key}`, array);
    }
    return { completedSteps: this.#completedSteps, tensors };
  }

  restore(state: OptimizerState): void {
    const { completedSteps } = state;
    if (!Number.isSafeInteger(completedSteps) || completedSteps < 0) {
      throw new RangeError(`completedSteps is ${completedSteps}; expected a whole number of at least 0`);
    }
    const byParameter = new Map<string, Map<string, StateArray>>();
    for (const [key, array] of state.tensors) {
      const cut = key.lastIndexOf("/");
      const name = key.slice(0, Math.max(0, cut));
      if (!this.#members.has(name)) throw new RangeError(`the state has "${key}"; expected states of parameters only`);
      const states = byParameter.get(name) ?? new Map<string, StateArray>();
      byParameter.set(name, states.set(key.slice(cut + 1), array));
    }
    for (const [name, { rule }] of this.#members) {
      try {
        rule.restore(byParameter.get(name) ?? new Map(), completedSteps);
      } catch (cause) {
        throw new RangeError(`the state of "${name}" does not fit: ${(cause as Error).message}`, { cause });
      }
    }
    this.#completedSteps = completedSteps;
    this.#preparedStep = completedSteps - 1;
    this.#updated.clear();
  }

  #member(name: string): RuledParameter {
    const member = this.#members.get(name);
    if (member === undefined) throw new RangeError(`"${name}" is not a parameter of this ${this.name} optimizer`);
    return member;
  }
}

/** @throws RangeError where a gradient is not what was asked for. */
function checkGradient(gradient: WeightArray | undefined, parameter: Parameter<WeightArray>, need: GradientNeed): void {
  if (need.kind === "nothing") return;
  const { name, values } = parameter;
  const expected = need.kind === "whole" ? values.length : need.selection.count;
  if (gradient?.length !== expected) {
    const found = gradient === undefined ? "missing" : `${gradient.length} values`;
    throw new RangeError(`the gradient of "${name}" is ${found}; expected ${expected} values (need: ${need.kind})`);
  }
  if (gradient instanceof Float32Array) {
    checkFinite(gradient, name);
    return;
  }
  if (need.kind !== "entries" || need.mayBeNarrow !== true) {
    throw new RangeError(`the gradient of "${name}" is in bfloat16; expected a Float32Array`);
  }
  const index = gradient.findIndex((half) => (half & 0x7f80) === 0x7f80);
  if (index >= 0) throw notFinite(name, fromBfloat16(gradient[index] as number), index);
}

function notFinite(name: string, value: number | undefined, position: number): RangeError {
  return new RangeError(`the gradient of "${name}" is ${value} at position ${position}; expected finite values`);
}

/** @throws RangeError where a gradient has a NaN or an infinity. */
function checkFinite(gradient: Float32Array, name: string): void {
  // A number that is not finite, times 0, is NaN: one sum shows whether there is any, at the cost of reading.
  let sum = 0;
  for (let index = 0; index < gradient.length; index++) sum += (gradient[index] as number) * 0;
  if (sum === 0) return;
  const index = gradient.findIndex((value) => !Number.isFinite(value));
  throw notFinite(name, gradient[index], index);
}

/**
 * Finds one array of a rule's state.
 *
 * @param type the constructor it must have been made by, such as `Float32Array`
 * @param length how many values it must have
 * @throws RangeError where it is missing or of another type or length.
 */
export function stateArray<Found extends StateArray>(
  state: ReadonlyMap<string, StateArray>,
  key: string,
  type: new (length: number) => Found,
  length: number,
): Found {
  const array = state.get(key);
  if (!(array instanceof type) || array.length !== length) {
    const found = array === undefined ? "missing" : `${array.constructor.name} of ${array.length}`;
    throw new RangeError(`${key} is ${found}; expected ${type.name} of ${length}`);
  }
  return array;
}

/** @throws RangeError where a rule's state has an array beyond those named. */
export function checkStateKeys(state: ReadonlyMap<string, StateArray>, expected: readonly string[]): void {
  for (const key of state.keys()) {
    if (!expected.includes(key)) throw new RangeError(`${key} was found; expected only ${expected.join(", ")}`);
  }
}

/**
 * A whole step for someone who has whole gradients, from any framework: prepares, gathers what is needed, applies.
 *
 * @param wholeGradients by parameter name, one value per entry
 * @throws what {@link Optimizer.prepare} and {@link Optimizer.apply} throw.
 */
export function takeStep(
  optimizer: Optimizer,
  wholeGradients: ReadonlyMap<string, Float32Array>,
  learningRate: number,
): void {
  optimizer.prepare();
  const needed = new Map<string, Float32Array>();
  for (const [name, whole] of wholeGradients) {
    const need = optimizer.need(name);
    if (need.kind === "whole") needed.set(name, whole);
    if (need.kind === "entries") needed.set(name, gatherEntries(whole, need.selection));
  }
  optimizer.apply(needed, learningRate);
}
