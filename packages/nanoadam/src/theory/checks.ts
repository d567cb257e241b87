/** The checks of the theory that need no training: the invariant of the flow, Lemma E.2, and Theorem 2.2. */
import { normal } from "@nanoadam/engine";
import { randomSites } from "../random-streams.js";
import { type FlowEnd, flowOfSmallest, invariantDrift, slopeOf } from "./flow.js";
import { checkLemma } from "./lemma.js";
import { lengthOf, type Neuron, scaled, type Vector } from "./two-layer.js";

export interface Checks {
  /** The greatest drift of |a|^2 - |w|^2 over the seeds, by the flow itself and by descent at falling rates. */
  readonly invariant: {
    readonly flow: number;
    readonly descent: readonly { readonly rate: number; readonly drift: number }[];
  };
  /** Of random networks: the norm as a part of the bound by neurons, and this as a part of the bound by weights. */
  readonly lemma: {
    readonly networks: number;
    readonly greatestPart: number;
    readonly leastPart: number;
    readonly greatestPartOfWeights: number;
    /** The same of one balanced neuron, for which both bounds are reached. */
    readonly balanced: number;
  };
  readonly theorem: { readonly flows: readonly (readonly FlowEnd[])[]; readonly slopes: readonly number[] };
}

const epsilons = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6];
const rates = [0.1, 0.03, 0.01, 0.003];

export function checkTheory(seeds: number): Checks {
  const places = Array.from({ length: seeds }, (_, seed) => seed);
  const pairs = places.map((seed) => [draw(seed, 0, 6), draw(seed, 6, 2)] as const);
  const drift = (step: number, method: "runge-kutta" | "descent") =>
    Math.max(...pairs.map(([student, teacher]) => invariantDrift(student, teacher, { time: 5, step, method })));
  const parts = places.flatMap((seed) =>
    [1, 2, 4, 8, 20].map((count) => {
      const { norm, byNeurons, byWeights } = checkLemma(draw(seed, 100, count));
      return { norm: norm / byNeurons, bound: byNeurons / byWeights };
    }),
  );
  const balanced = checkLemma([{ a: 1.5, w: [0.9, 1.2] }]);
  const flows = pairs.map(([[one, other]]) => {
    const [target, direction]: [Vector, Vector] = [one?.w ?? [1, 0], other?.w ?? [0, 1]];
    return epsilons.map((epsilon) => flowOfSmallest(target, scaled(direction, 1 / lengthOf(direction)), epsilon));
  });
  return {
    invariant: {
      flow: drift(0.01, "runge-kutta"),
      descent: rates.map((rate) => ({ rate, drift: drift(rate, "descent") })),
    },
    lemma: {
      networks: parts.length,
      greatestPart: Math.max(...parts.map(({ norm }) => norm)),
      leastPart: Math.min(...parts.map(({ norm }) => norm)),
      greatestPartOfWeights: Math.max(...parts.map(({ bound }) => bound)),
      balanced: balanced.norm / balanced.byWeights,
    },
    theorem: { flows, slopes: flows.map(slopeOf) },
  };
}

function draw(seed: number, first: number, count: number): Neuron[] {
  const key = { seed, step: 0, site: randomSites.theory(3) };
  return Array.from({ length: count }, (_, place) => {
    const number = (axis: number) => normal(key, 3 * (first + place) + axis);
    return { a: number(0), w: [number(1), number(2)] };
  });
}
