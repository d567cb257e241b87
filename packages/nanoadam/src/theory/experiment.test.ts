import type { Runtime } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { beforeAll, describe, expect, it } from "vitest";
import { runExperiment, type Variant } from "./experiment.js";
import { contestsOf, rangesOf } from "./findings.js";
import { Networks } from "./networks.js";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await cpuRuntime({ threads: 1 });
});

const setting = { samples: 60, scalePower: -0.5, lossFactor: 1 };
const variant = (changed: Partial<Variant>): Variant => ({
  ...{ criterion: "small", density: 0.3, extraNeurons: 1, selection: "once" },
  ...changed,
});

describe("networks side by side", () => {
  it("have the losses and gradients of their own data", async () => {
    const sizes = { networks: 2, neurons: 3, samples: 5, outputScale: 0.5 };
    const networks = await Networks.create(runtime, sizes);
    for (const [place, array] of [networks.outer, networks.inner, networks.inputs, networks.targets].entries()) {
      for (let number = 0; number < array.length; number++) array[number] = Math.sin(7 * place + number + 1);
    }
    await networks.differentiate();
    const [gradient, innerGradient] = [networks.outerGradient.slice(), networks.innerGradient.slice()];
    const slopeAt = async (array: Float32Array, at: number, network: number) => {
      const value = array[at] ?? 0;
      const losses: number[] = [];
      for (const step of [1e-2, -1e-2]) {
        array[at] = value + step;
        await networks.differentiate();
        losses.push(networks.losses[network] ?? 0);
      }
      array[at] = value;
      return ((losses[0] ?? 0) - (losses[1] ?? 0)) / 2e-2;
    };
    expect(gradient[4]).toBeCloseTo(await slopeAt(networks.outer, 4, 1), 3);
    expect(innerGradient[2]).toBeCloseTo(await slopeAt(networks.inner, 2, 0), 3);
  });

  it("leave one that has diverged where it is, and go on with the others", async () => {
    const networks = await Networks.create(runtime, { networks: 2, neurons: 1, samples: 1, outputScale: 1 });
    for (const array of [networks.outer, networks.inner, networks.inputs]) array.fill(1);
    networks.targets.set([1e9, 1]);
    await networks.differentiate();
    expect([...networks.losses]).toEqual([Number.NaN, 1]);
    expect([...networks.outerGradient]).toEqual([0, 4]);
  });
});

describe("the experiment", () => {
  it("begins at a student that says 0, and moves the share of it that it says", async () => {
    const outcomes = await runExperiment(runtime, {
      ...{ seeds: 2, steps: 20, settings: [setting] },
      variants: [variant({}), variant({ criterion: "gradient" })],
    });
    expect(outcomes).toHaveLength(4);
    for (const { before, pretrained, finetuned, teacher, extra } of outcomes) {
      expect([teacher.length, extra.length, before.length]).toEqual([2, 1, 20]);
      for (const [place, { a, w }] of before.slice(0, 10).entries()) expect(before[place + 10]).toEqual({ a: -a, w });
      const moved = finetuned.filter(({ a }, place) => a !== pretrained[place]?.a);
      expect(moved).toHaveLength(6);
    }
  });

  it("repeats itself, and says in how many seeds small weights did better", async () => {
    const options = {
      seeds: 3,
      steps: 300,
      settings: [setting],
      variants: [variant({}), variant({ criterion: "gradient" })],
    };
    const [one, other] = [await runExperiment(runtime, options), await runExperiment(runtime, options)];
    expect(other).toEqual(one);
    const [contest] = contestsOf(one);
    expect(contest?.seeds).toBe(3);
    expect(contest?.smallIsBetter).toBe(
      one.slice(0, 3).filter(({ error }, seed) => (error ?? 0) < (one[3 + seed]?.error ?? 0)).length,
    );
    expect(rangesOf(contestsOf(one))[0]?.error.small).toEqual([contest?.error.small.mean, contest?.error.small.mean]);
  });

  it("tells a student that diverges, as all do whose output is not scaled at the paper's rate", async () => {
    const unscaled = { ...setting, scalePower: 0 };
    const outcomes = await runExperiment(runtime, {
      ...{ seeds: 3, steps: 200, settings: [unscaled] },
      variants: [variant({}), variant({ criterion: "gradient" })],
    });
    const [contest] = contestsOf(outcomes);
    expect(contest?.diverged).toBe(3);
    expect(rangesOf(contestsOf(outcomes))).toEqual([]);
  });
});
