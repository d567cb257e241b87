import { describe, expect, it } from "vitest";
import { learningRateAt, warmupSteps } from "./index.js";

describe("learningRateAt", () => {
  it.each([
    ["linear", 0, 0, 2],
    ["linear", 0, 25, 1.5],
    ["linear", 0, 99, 0.02],
    ["linear", 0, 100, 0],
    ["linear", 0, 150, 0],
    ["linear", 20, 0, 0],
    ["linear", 20, 10, 1],
    ["linear", 20, 20, 2],
    ["linear", 20, 60, 1],
    ["cosine", 0, 0, 2],
    ["cosine", 0, 50, 1],
    ["cosine", 0, 75, 1 - Math.SQRT1_2],
    ["cosine", 0, 100, 0],
    ["cosine", 20, 5, 0.5],
    ["cosine", 20, 60, 1],
    ["constant", 0, 99, 2],
    ["constant", 0, 500, 2],
    ["constant", 20, 15, 1.5],
    ["constant", 20, 20, 2],
  ] as const)("%s, %i steps of warm-up of 100: step %i has %f", (schedule, warmup, step, expected) => {
    const options = { schedule, learningRate: 2, totalSteps: 100, warmupSteps: warmup };
    expect(learningRateAt(step, options)).toBeCloseTo(expected, 12);
  });

  it("ends within its warm-up where the warm-up is longer than the run", () => {
    const options = { schedule: "linear", learningRate: 1, totalSteps: 10, warmupSteps: 20 } as const;
    expect(learningRateAt(9, options)).toBeCloseTo(0.45);
    expect(learningRateAt(20, options)).toBe(0);
  });

  it.each([
    [{ learningRate: -1 }, /learningRate is -1/],
    [{ totalSteps: 0 }, /totalSteps is 0/],
    [{ warmupSteps: 0.1 }, /warmupSteps is 0.1; expected a whole number/],
    [{ schedule: "square" as "linear" }, /schedule is "square"; expected one of "linear", "cosine", "constant"/],
  ])("refuses %o", (wrong, message) => {
    const options = { schedule: "linear", learningRate: 1, totalSteps: 10, ...wrong } as const;
    expect(() => learningRateAt(0, options)).toThrow(message);
  });
});

describe("warmupSteps", () => {
  it.each([
    [0, 100, 0],
    [0.1, 100, 10],
    [0.06, 101, 7],
    [0.999, 10, 10],
    [1, 100, 1],
    [50, 100, 50],
  ])("of %f in %i steps is %i", (value, totalSteps, expected) => {
    expect(warmupSteps(value, totalSteps)).toBe(expected);
  });

  it("refuses a negative value and a count that is not whole", () => {
    expect(() => warmupSteps(-0.1, 10)).toThrow(/warmupSteps is -0.1/);
    expect(() => warmupSteps(1.5, 10)).toThrow(/warmupSteps is 1.5; expected a whole number/);
  });
});
