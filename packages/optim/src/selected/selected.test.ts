/** A selection in front of rules of update: what all of them have in common, in one table. */
import { describe, expect, it } from "vitest";
import {
  adam,
  createNanoAdam,
  createNanoLion,
  createNanoSgd,
  createSgd,
  gradientDescent,
  lion,
  type Parameter,
  selected,
  selectionIndices,
  takeStep,
  type UpdateRule,
} from "../index.js";

const length = 500;
const weight = (): Parameter => ({
  name: "weight",
  shape: [20, 25],
  values: Float32Array.from({ length }, (_, entry) => Math.sin(entry + 1)),
});
const gradientAt = (step: number) => Float32Array.from({ length }, (_, entry) => Math.cos(entry * (step + 1)) - 0.2);

const rules: readonly (readonly [string, UpdateRule])[] = [
  ["adam", adam()],
  ["adam, correction by entry", adam({ biasCorrection: "entry" })],
  ["gradient descent", gradientDescent({ momentum: 0 })],
  ["gradient descent with momentum", gradientDescent()],
  ["lion", lion()],
];

/** The weights after some steps. */
function after(steps: number, rule: UpdateRule, options: Partial<Parameters<typeof selected>[1]> = {}): Float32Array {
  const parameters = [weight()];
  const optimizer = selected(rule, { parameters, density: 0.1, maskInterval: 4, totalSteps: 20, ...options });
  for (let step = 0; step < steps; step++) takeStep(optimizer, new Map([["weight", gradientAt(step)]]), 0.01);
  return parameters[0]?.values ?? new Float32Array();
}

describe.each(rules)("%s", (_, rule) => {
  it("selects what every other rule would, and moves nothing else", () => {
    const parameters = [weight()];
    const before = parameters[0]?.values.slice() ?? [];
    const optimizer = selected(rule, { parameters, density: 0.1, maskInterval: 4, totalSteps: 4 });
    const twin = createNanoAdam({ parameters: [weight()], density: 0.1, maskInterval: 4, totalSteps: 4 });
    for (const each of [optimizer, twin]) each.prepare();
    expect(optimizer.need("weight")).toEqual(twin.need("weight"));
    const need = optimizer.need("weight");
    if (need.kind !== "entries") throw new Error("expected a selection");
    takeStep(optimizer, new Map([["weight", gradientAt(0)]]), 0.01);
    const moved = [...before.keys()].filter((entry) => parameters[0]?.values[entry] !== before[entry]);
    expect(moved).toEqual([...selectionIndices(need.selection)]);
  });

  it("is the rule itself where everything is selected, or named as whole", () => {
    const everything = after(9, rule, { density: 1, weightDecay: 0.1 });
    const whole = after(9, rule, { dense: ["weight"], denseWeightDecay: 0.1 });
    for (const [entry, value] of everything.entries()) expect(value).toBeCloseTo(whole[entry] ?? Number.NaN, 6);
  });

  it("moves a tensor in many chunks as it does one", () => {
    const options = { density: 1, maskInterval: 20 };
    expect(after(9, rule, { ...options, chunkSize: 7 })).toEqual(after(9, rule, options));
  });

  it("starts states anew or carries them", () => {
    const carried = after(9, rule, { stateOnRefresh: "carry" });
    const reset = after(9, rule, { stateOnRefresh: "reset" });
    if (rule.states.length === 0) expect(reset).toEqual(carried);
    else expect(reset).not.toEqual(carried);
  });
});

it("an optimizer is called after its rule", () => {
  const options = { parameters: [weight()], maskInterval: 1, totalSteps: 1 };
  const made = [createNanoAdam(options), createNanoSgd(options), createNanoLion(options)];
  expect(made.map(({ name }) => name)).toEqual(["nanoadam", "nanosgd", "nanolion"]);
});

it("gradient descent on everything is SGD to the bit", () => {
  const parameters = [weight()];
  const sgd = createSgd({ parameters, weightDecay: 0.1 });
  for (let step = 0; step < 9; step++) takeStep(sgd, new Map([["weight", gradientAt(step)]]), 0.01);
  expect(after(9, gradientDescent(), { density: 1, weightDecay: 0.1 })).toEqual(parameters[0]?.values);
});

it("Lion moves every selected entry by the rate", () => {
  const [before, moved] = [after(0, lion()), after(1, lion())];
  const steps = [...before.keys()].map((entry) => Math.abs((moved[entry] ?? 0) - (before[entry] ?? 0)));
  expect(steps.filter((step) => step > 0)).toHaveLength(50);
  for (const step of steps.filter((each) => each > 0)) expect(step).toBeCloseTo(0.01, 6);
});

it("a rule of one's own has the same selection, states and snapshots", () => {
  const signs: UpdateRule = {
    name: "counted",
    states: [{ name: "updates", rounding: "nearest" }],
    needsAges: false,
    update({ selection, values, states }) {
      for (const [position, entry] of selectionIndices(selection).entries()) {
        values[entry] = 9;
        const [updates] = states;
        if (updates !== undefined) updates[position] = (updates[position] ?? 0) + 1;
      }
    },
    whole: () => {
      throw new Error("nothing is whole");
    },
  };
  const parameters = [weight()];
  const optimizer = selected(signs, { parameters, density: 0.1, maskInterval: 3, totalSteps: 9 });
  for (let step = 0; step < 4; step++) takeStep(optimizer, new Map([["weight", gradientAt(step)]]), 0.01);
  expect(parameters[0]?.values.filter((value) => value === 9)).toHaveLength(100);
  expect([...(optimizer.state().tensors.get("weight/updates") ?? [])]).toEqual(new Array(50).fill(1));
});

it("a rule of three states is refused, and options out of range are named", () => {
  const options = { parameters: [weight()], maskInterval: 1, totalSteps: 1 };
  const states = ["a", "b", "c"].map((name) => ({ name, rounding: "nearest" as const }));
  expect(() => selected({ ...lion(), states }, options)).toThrow('"lion" has 3 states; expected at most 2');
  expect(() => lion({ betas: [0.9, 1] })).toThrow("betas[1] is 1");
  expect(() => gradientDescent({ momentum: 1 })).toThrow("momentum is 1");
});
