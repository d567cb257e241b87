import { describe, expect, it } from "vitest";
import { createAdamW, type Parameter, takeStep } from "./index.js";

function tensor(name: string, values: readonly number[]): Parameter {
  return { name, shape: [values.length], values: Float32Array.from(values) };
}

describe("AdamW", () => {
  it("takes a first step as long as the rate, whatever the gradient's size", () => {
    const weight = tensor("w", [1, 1, 1]);
    takeStep(
      createAdamW({ parameters: [weight], weightDecay: 0 }),
      new Map([["w", Float32Array.of(1e-3, -5, 0)]]),
      0.1,
    );
    expect([...weight.values].map((value) => value.toFixed(4))).toEqual(["0.9000", "1.1000", "1.0000"]);
  });

  it("decays every tensor but those told not to", () => {
    const weight = tensor("w", [2]);
    const bias = tensor("b", [2]);
    const optimizer = createAdamW({ parameters: [weight, bias], weightDecay: 0.1, noDecay: ["b"] });
    const zero = new Float32Array(1);
    takeStep(
      optimizer,
      new Map([
        ["w", zero],
        ["b", zero],
      ]),
      0.5,
    );
    expect([weight.values[0], bias.values[0]]).toEqual([Math.fround(1.9), 2]);
  });

  it("has no density, and eight bytes per entry", () => {
    const optimizer = createAdamW({ parameters: [tensor("w", [1, 2, 3])] });
    expect(optimizer.density()).toBeUndefined();
    expect(optimizer.stateBytes()).toBe(24);
  });

  it("refuses names that are not parameters, and constants out of range", () => {
    const parameters = [tensor("w", [1])];
    expect(() => createAdamW({ parameters, noDecay: ["bias"] })).toThrow(/noDecay names "bias"/);
    expect(() => createAdamW({ parameters, betas: [1, 0.9] })).toThrow(/betas\[0\] is 1/);
    expect(() => createAdamW({ parameters, betas: 0.9 as unknown as [number, number] })).toThrow(TypeError);
    expect(() => createAdamW({ parameters, epsilon: -1 })).toThrow(/epsilon is -1/);
  });
});
