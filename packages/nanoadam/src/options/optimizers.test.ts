import { describe, expect, test } from "vitest";
import { parseFinetuneOptions } from "./finetune-options.js";
import type { TrainedParameter } from "./optimizer-entry.js";
import { defaultLearningRate, mayHoldBfloat16 } from "./optimizer-options.js";
import { optimizerNames, optimizers } from "./optimizers.js";

const needed = { model: "bert", train: "a.tsv", text: "text", label: "label", output: "out" };

function parameter(name: string, changed: Partial<TrainedParameter> = {}): TrainedParameter {
  return { name, shape: [4, 4], values: new Float32Array(16).fill(1), role: "weight", isFresh: false, ...changed };
}

const length = { stepsPerEpoch: 80, totalSteps: 240 };

describe.each(optimizerNames)("%s", (name) => {
  test("is made of its options, under its name", () => {
    const { optimizer: options } = parseFinetuneOptions({ ...needed, optimizer: name });
    const optimizer = optimizers[name].create(options, { parameters: [parameter("layer")], length, seed: 1 });
    expect(optimizer.name).toBe(name);
    optimizer.prepare();
    expect(optimizer.need("layer").kind).not.toBe("nothing");
  });

  test("has learning rates to compare it at, ascending", () => {
    const { comparedAt, adaptersComparedAt = comparedAt, defaultLearningRate: rate } = optimizers[name];
    expect(rate).toBeGreaterThan(0);
    for (const rates of [comparedAt, adaptersComparedAt]) {
      expect(rates).toEqual([...new Set(rates)].sort((a, b) => a - b));
    }
  });

  test("has no option by a name under which another optimizer has a different one", () => {
    for (const other of optimizerNames) {
      const theirs: Readonly<Record<string, unknown>> = optimizers[other].options;
      for (const [option, schema] of Object.entries(optimizers[name].options)) {
        if (option in theirs) expect(theirs[option], `${option} of ${other}`).toBe(schema);
      }
    }
  });
});

test("narrow models take larger learning rates, wide ones smaller", () => {
  const rates = [128, 256, 768, 1024].map((width) => defaultLearningRate({ optimizer: "adamw" }, {}, width));
  expect(rates).toEqual([7.3e-4, 2.6e-4, 5e-5, 3.2e-5]);
  expect(defaultLearningRate({ optimizer: "adamw" }, {}, 8)).toBe(7.3e-4);
  expect(defaultLearningRate({ optimizer: "sgd" }, {}, 128)).toBe(1e-2);
});

test("an adapter takes four times the learning rate, and may lie beside weights in bfloat16", () => {
  expect(defaultLearningRate({ optimizer: "adamw" }, {}, 768)).toBe(5e-5);
  expect(defaultLearningRate({ optimizer: "adamw" }, { loraRank: 8 }, 768)).toBe(2e-4);
  expect(mayHoldBfloat16({ optimizer: "adamw" }, {})).toBe(false);
  expect(mayHoldBfloat16({ optimizer: "adamw" }, { loraRank: 8 })).toBe(true);
  expect(mayHoldBfloat16({ optimizer: "nanoadam" }, {})).toBe(true);
});

describe("nanoadam", () => {
  test.each(["selected", "dense"] as const)(
    "updates whole what has no small weights to prefer; biases %s",
    (biases) => {
      const parameters = [
        parameter("layer"),
        parameter("bias", { role: "bias", shape: [16] }),
        parameter("norm", { role: "normalisation", shape: [16] }),
        parameter("head", { role: "head" }),
        parameter("new", { isFresh: true }),
        parameter("lora", { role: "adapter", isFresh: true }),
      ];
      const { optimizer: options } = parseFinetuneOptions({ ...needed, biases });
      const optimizer = optimizers.nanoadam.create(options, { parameters, length, seed: 1 });
      optimizer.prepare();
      const whole = parameters.map(({ name }) => name).filter((name) => optimizer.need(name).kind === "whole");
      expect(whole).toEqual([...(biases === "dense" ? ["bias"] : []), "norm", "head", "new"]);
    },
  );

  test("may go up in density, by a schedule, and not at all", () => {
    const densities = (given: object) => {
      const { optimizer: options } = parseFinetuneOptions({ ...needed, ...given });
      const optimizer = optimizers.nanoadam.create(options, { parameters: [parameter("layer")], length, seed: 1 });
      return [0, 120].map((completedSteps) => {
        const tensors = new Map(completedSteps === 0 ? [] : optimizer.state().tensors);
        optimizer.restore({ completedSteps, tensors });
        optimizer.prepare();
        return optimizer.density();
      });
    };
    expect(densities({})).toEqual([0.1, expect.closeTo(0.07, 9)]);
    expect(densities({ densitySchedule: "linear", finalDensity: 0.3 })).toEqual([0.1, expect.closeTo(0.2, 9)]);
    expect(densities({ densitySchedule: "cosine" })).toEqual([0.1, expect.closeTo(0.07, 9)]);
    expect(densities({ densitySchedule: "constant" })).toEqual([0.1, 0.1]);
  });

  test("selects every 40th of an epoch, and changes its density every 8th", () => {
    const settled = (given: object) =>
      optimizers.nanoadam.settled?.(parseFinetuneOptions({ ...needed, ...given }).optimizer, length);
    expect(settled({})).toEqual({ maskInterval: 2, densityInterval: 10 });
    expect(settled({ maskInterval: 7 })).toEqual({ maskInterval: 7, densityInterval: 10 });
    expect(settled({ staticMask: true })).toEqual({ maskInterval: 240, densityInterval: undefined });
  });
});
