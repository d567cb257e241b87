/** Pruned tensors: what is 0 stays 0 under every rule, and the rest learns. */
import { describe, expect, it } from "vitest";
import {
  createAdamW,
  createAdamW8bit,
  createGaLore,
  createMicroAdam,
  createNanoAdam,
  createSgd,
  type Optimizer,
  type Parameter,
  takeStep,
  withZerosKept,
} from "./index.js";

type Create = (parameters: readonly Parameter[]) => Optimizer;

const optimizers: readonly (readonly [string, Create])[] = [
  ["AdamW", (parameters) => createAdamW({ parameters, weightDecay: 0.1 })],
  ["AdamW-8bit", (parameters) => createAdamW8bit({ parameters, weightDecay: 0.1, blockSize: 16, smallestCoded: 0 })],
  ["MicroAdam", (parameters) => createMicroAdam({ parameters, density: 0.2, bucketSize: 8 })],
  ["GaLore", (parameters) => createGaLore({ parameters, rank: 2, updateGap: 3 })],
  ["SGD", (parameters) => createSgd({ parameters, momentum: 0.9, weightDecay: 0.1 })],
  [
    "NanoAdam",
    (parameters) =>
      createNanoAdam({
        parameters,
        density: 0.2,
        maskInterval: 2,
        totalSteps: 20,
        dense: ["head"],
        skipZeros: ["body"],
      }),
  ],
];

/** A matrix of which four in five entries are 0, some of them -0. */
function pruned(name: string): Parameter {
  const values = Float32Array.from({ length: 80 }, (_, entry) =>
    entry % 5 === 0 ? 0.3 + 0.1 * Math.sin(entry) : entry % 7 === 0 ? -0 : 0,
  );
  return { name, shape: [8, 10], values };
}

const gradientAt = (step: number) => Float32Array.from({ length: 80 }, (_, entry) => Math.cos(3 * entry + step));
const bitsOf = ({ values }: Parameter) => [...new Uint32Array(values.slice().buffer)];

describe.each(optimizers)("%s", (_, create) => {
  it("leaves what is 0 to the bit, and moves the rest", () => {
    const parameters = [pruned("body"), pruned("head")];
    const before = parameters.map(bitsOf);
    const optimizer = withZerosKept(create(parameters), parameters);
    for (let step = 0; step < 20; step++) {
      takeStep(optimizer, new Map(parameters.map(({ name }) => [name, gradientAt(step)])), 0.01);
    }
    for (const [place, parameter] of parameters.entries()) {
      const after = bitsOf(parameter);
      const isZero = (bits: number) => bits << 1 === 0;
      const moved = after.filter((bits, entry) => bits !== before[place]?.[entry]).length;
      expect(after.map((bits) => (isZero(bits) ? bits : 1))).toEqual(
        before[place]?.map((bits) => (isZero(bits) ? bits : 1)),
      );
      expect(moved).toBeGreaterThan(0);
    }
  });
});

it("hands on a gradient that is not finite, which the optimizer refuses", () => {
  const parameters = [pruned("body")];
  const optimizer = withZerosKept(createAdamW({ parameters, weightDecay: 0 }), parameters);
  const gradient = gradientAt(0).fill(Number.NaN, 1, 2);
  expect(() => takeStep(optimizer, new Map([["body", gradient]]), 0.01)).toThrow(/NaN at position 1/);
});

it("names of tensors that NanoAdam does not have are refused", () => {
  const parameters = [pruned("body")];
  expect(() => createNanoAdam({ parameters, maskInterval: 1, totalSteps: 1, skipZeros: ["neck"] })).toThrow(/neck/);
});

it("tensors that are not named move from 0", () => {
  const parameters = [pruned("body"), pruned("other")];
  const optimizer = withZerosKept(createAdamW({ parameters, weightDecay: 0 }), [pruned("body")].slice(1));
  takeStep(optimizer, new Map(parameters.map(({ name }) => [name, gradientAt(0)])), 0.01);
  expect(parameters[1]?.values[1]).not.toBe(0);
});
