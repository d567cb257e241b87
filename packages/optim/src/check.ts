/** Checks of options: each throws an error that names the option, what was found and what was expected. */

import type { Parameter, WeightArray } from "./types.js";

function describe(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/**
 * @param isAllowed whether a number is within the option's range
 * @param expected the range in words
 * @throws TypeError for what is not a number, RangeError for a number out of range (NaN included).
 */
export function checkNumber(
  name: string,
  value: number,
  isAllowed: (value: number) => boolean,
  expected: string,
): number {
  if (typeof value !== "number") throw new TypeError(`${name} is ${describe(value)}; expected ${expected}`);
  if (Number.isNaN(value) || !isAllowed(value)) throw new RangeError(`${name} is ${value}; expected ${expected}`);
  return value;
}

/** @throws TypeError or RangeError unless `value` is a whole number of at least `least`. */
export function checkCount(name: string, value: number, least: number): number {
  return checkNumber(
    name,
    value,
    (found) => Number.isSafeInteger(found) && found >= least,
    `a whole number of at least ${least}`,
  );
}

/** @throws TypeError or RangeError unless `0 < value <= 1`. */
export function checkDensity(name: string, value: number): number {
  return checkNumber(name, value, (found) => found > 0 && found <= 1, "a number above 0 and at most 1");
}

/** @throws TypeError or RangeError unless `value` is finite and at least 0. */
export function checkNotNegative(name: string, value: number): number {
  return checkNumber(name, value, (found) => found >= 0 && found < Infinity, "a finite number of at least 0");
}

/** @throws RangeError unless `value` is one of `allowed`. */
export function checkChoice<Choice extends string>(name: string, value: Choice, allowed: readonly Choice[]): Choice {
  if (!allowed.includes(value)) {
    throw new RangeError(`${name} is ${describe(value)}; expected one of ${allowed.map(describe).join(", ")}`);
  }
  return value;
}

/** @throws TypeError or RangeError unless it is within [0, 1). */
export function checkMomentum(momentum: number, name = "momentum"): number {
  return checkNumber(name, momentum, (found) => found >= 0 && found < 1, "a number of at least 0 and below 1");
}

/** @throws TypeError or RangeError unless both are within [0, 1). */
export function checkBetas(betas: readonly [number, number]): void {
  if (!Array.isArray(betas) || betas.length !== 2) {
    throw new TypeError(`betas is ${describe(betas)}; expected a pair of numbers`);
  }
  betas.forEach((beta, index) => {
    checkMomentum(beta, `betas[${index}]`);
  });
}

/** @throws TypeError or RangeError unless both betas are within [0, 1) and epsilon is above 0. */
export function checkAdamConstants(betas: readonly [number, number], epsilon: number): void {
  checkBetas(betas);
  checkNumber("epsilon", epsilon, (found) => found > 0 && found < Infinity, "a finite number above 0");
}

/**
 * @param mayBeBfloat16 whether a tensor's values may be the bits of bfloat16; none may unless given
 * @throws TypeError for values that are not float32, RangeError for repeated names and shapes that do not fit.
 */
export function checkParameters(
  parameters: readonly Parameter<WeightArray>[],
  mayBeBfloat16: (name: string) => boolean = () => false,
): void {
  const names = new Set<string>();
  for (const { name, shape, values } of parameters) {
    if (names.has(name)) throw new RangeError(`parameters has two tensors named "${name}"; expected each name once`);
    names.add(name);
    if (!(values instanceof Float32Array || (mayBeBfloat16(name) && values instanceof Uint16Array))) {
      const found = ArrayBuffer.isView(values) ? values.constructor.name : describe(values);
      throw new TypeError(`the values of parameter "${name}" are ${found}; expected a Float32Array`);
    }
    const size = shape.reduce((product, extent) => product * extent, 1);
    if (size !== values.length) {
      throw new RangeError(
        `parameter "${name}" has ${values.length} values; expected ${size}, its shape being [${shape.join(", ")}]`,
      );
    }
  }
}

/** @throws RangeError where `chosen` has a name that is not a parameter's. */
export function checkNames(
  option: string,
  chosen: ReadonlySet<string>,
  parameters: readonly Parameter<WeightArray>[],
): void {
  const known = new Set(parameters.map((parameter) => parameter.name));
  for (const name of chosen) {
    if (!known.has(name)) throw new RangeError(`${option} names "${name}"; expected names of parameters only`);
  }
}
