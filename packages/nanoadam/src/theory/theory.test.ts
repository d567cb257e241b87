/** The theory of the paper against closed forms, quadrature and integration. */
import { normal } from "@nanoadam/engine";
import { describe, expect, it } from "vitest";
import { flowOfSmallest, flowStep, invariantDrift, slopeOf } from "./flow.js";
import { checkLemma } from "./lemma.js";
import { difference, meanProduct, meanProductSlope, meanSquare, type Neuron, type Vector } from "./two-layer.js";

const draw = (seed: number, count: number): Neuron[] =>
  Array.from({ length: count }, (_, place) => {
    const number = (axis: number) => normal({ seed, step: 0, site: 9 }, 3 * place + axis);
    return { a: number(0), w: [number(1), number(2)] };
  });

describe("two layers", () => {
  it("have the mean square that quadrature finds", () => {
    for (let seed = 0; seed < 20; seed++) {
      const network = draw(seed, 5);
      expect(Math.sqrt(meanSquare(network))).toBeCloseTo(checkLemma(network).norm, 6);
      expect(meanSquare(difference(network, network))).toBeCloseTo(0, 12);
    }
  });

  it("have the slope that differences show", () => {
    const [u, v]: [Vector, Vector] = [
      [0.3, -1.2],
      [0.8, 0.5],
    ];
    const step = 1e-6;
    const numeric = [0, 1].map((axis) => {
      const at = (sign: number) =>
        meanProduct([u[0] + (axis === 0 ? sign * step : 0), u[1] + (axis === 1 ? sign * step : 0)], v);
      return (at(1) - at(-1)) / (2 * step);
    });
    expect(meanProductSlope(u, v)).toEqual(numeric.map((slope) => expect.closeTo(slope, 8)));
  });
});

describe("Lemma E.2", () => {
  it("bounds every network by its neurons, and these by its weights", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { norm, byNeurons, byWeights } = checkLemma(draw(seed, 1 + (seed % 8)));
      expect(norm).toBeLessThanOrEqual(byNeurons * (1 + 1e-9));
      expect(byNeurons).toBeLessThanOrEqual(byWeights * (1 + 1e-9));
    }
  });

  it("is an equality for one neuron that is balanced", () => {
    const { norm, byNeurons, byWeights } = checkLemma([{ a: -2, w: [1.2, 1.6] }]);
    expect([norm, byNeurons]).toEqual([expect.closeTo(byWeights, 6), expect.closeTo(byWeights, 12)]);
  });
});

describe("the flow", () => {
  const [student, teacher] = [draw(1, 4), draw(2, 2)];

  it("keeps |a|^2 - |w|^2 of every neuron, and descent does the better the smaller its steps", () => {
    expect(invariantDrift(student, teacher, { time: 5, step: 0.01, method: "runge-kutta" })).toBeLessThan(1e-7);
    const [coarse = 0, fine = 0] = [0.02, 0.01].map((step) =>
      invariantDrift(student, teacher, { time: 5, step, method: "descent" }),
    );
    expect(coarse / fine).toBeGreaterThan(1.8);
    expect(coarse / fine).toBeLessThan(2.2);
  });

  it("goes down", () => {
    const after = flowStep(student, teacher, 0.01, "runge-kutta");
    expect(meanSquare(difference(after, teacher))).toBeLessThan(meanSquare(difference(student, teacher)));
  });

  it("of the smallest neuron ends within a constant times epsilon of the new one (Theorem 2.2)", () => {
    for (let seed = 0; seed < 5; seed++) {
      const [one, other] = draw(seed, 2);
      const [target, w]: [Vector, Vector] = [one?.w ?? [1, 0], other?.w ?? [0, 1]];
      const size = Math.hypot(...w);
      const ends = [1e-1, 1e-2, 1e-3, 1e-4].map((epsilon) =>
        flowOfSmallest(target, [w[0] / size, w[1] / size], epsilon),
      );
      expect(slopeOf(ends)).toBeGreaterThan(0.9);
      expect(slopeOf(ends)).toBeLessThan(1.1);
    }
  });
});
