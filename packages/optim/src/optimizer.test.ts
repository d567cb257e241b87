/** The contract of every optimizer: one table of optimizers, one suite. */

import { describe, expect, it } from "vitest";
import {
  createAdamW,
  createAdamW8bit,
  createGaLore,
  createMicroAdam,
  createNanoAdam,
  createNanoLion,
  createNanoSgd,
  createSgd,
  gatherEntries,
  type Optimizer,
  type Parameter,
  selectionIndices,
  selectSmallest,
  takeStep,
  withFrozen,
  withZerosKept,
} from "./index.js";

type Create = (parameters: readonly Parameter[], totalSteps: number) => Optimizer;

const nanoAdam =
  (options: Partial<Parameters<typeof createNanoAdam>[0]>): Create =>
  (parameters, totalSteps) =>
    createNanoAdam({ parameters, density: 0.2, maskInterval: 5, totalSteps, ...options });

const selection = { density: 0.2, maskInterval: 5 } as const;

/** Vectors as matrices, as near to square as their length allows. */
function asMatrices(parameters: readonly Parameter[]): Parameter[] {
  return parameters.map((parameter) => {
    if (parameter.shape.length > 1) return parameter;
    const length = parameter.values.length;
    let rows = Math.floor(Math.sqrt(length));
    while (length % rows !== 0) rows--;
    return { ...parameter, shape: [rows, length / rows] };
  });
}

const optimizers: readonly (readonly [string, Create])[] = [
  ["AdamW", (parameters) => createAdamW({ parameters, weightDecay: 0 })],
  ["NanoAdam carry global", nanoAdam({})],
  ["NanoAdam carry entry", nanoAdam({ biasCorrection: "entry" })],
  ["NanoAdam carry none", nanoAdam({ biasCorrection: "none" })],
  ["NanoAdam reset entry", nanoAdam({ stateOnRefresh: "reset", biasCorrection: "entry" })],
  ["NanoAdam reset none", nanoAdam({ stateOnRefresh: "reset", biasCorrection: "none" })],
  ["NanoAdam, falling density", nanoAdam({ finalDensity: 0.05, densityInterval: 7 })],
  ["NanoAdam, rising density", nanoAdam({ density: 0.05, finalDensity: 0.5, densityInterval: 7 })],
  ["NanoAdam, small chunks", nanoAdam({ chunkSize: 16, density: 0.001, biasCorrection: "entry" })],
  ["NanoAdam, large weights", nanoAdam({ criterion: "large", density: 0.7 })],
  ["NanoAdam, random weights", nanoAdam({ criterion: "random", seed: 7 })],
  ["NanoAdam, large gradients", nanoAdam({ criterion: "gradient" })],
  ["NanoAdam, small in their row", nanoAdam({ criterion: "small-in-row" })],
  ["NanoAdam, small in their column", nanoAdam({ criterion: "small-in-column", skipZeros: true })],
  ["NanoAdam, shares by gradient", nanoAdam({ shareBy: "gradient" })],
  ["NanoAdam, entries that warm up", nanoAdam({ entryWarmup: 3 })],
  ["NanoAdam, entries that enter at the mean", nanoAdam({ enteringMoment: "mean", stateType: "bfloat16" })],
  ["NanoAdam, zeros skipped", nanoAdam({ skipZeros: true })],
  ["NanoAdam, states in bfloat16", nanoAdam({ stateType: "bfloat16" })],
  ["NanoSGD", (parameters, totalSteps) => createNanoSgd({ parameters, totalSteps, ...selection })],
  [
    "NanoSGD without momentum",
    (parameters, totalSteps) => createNanoSgd({ parameters, totalSteps, ...selection, momentum: 0 }),
  ],
  ["NanoLion", (parameters, totalSteps) => createNanoLion({ parameters, totalSteps, ...selection })],
  [
    "NanoLion, states in bfloat16 and reset",
    (parameters, totalSteps) =>
      createNanoLion({ parameters, totalSteps, ...selection, stateType: "bfloat16", stateOnRefresh: "reset" }),
  ],
  [
    "NanoLion, large gradients",
    (parameters, totalSteps) => createNanoLion({ parameters, totalSteps, ...selection, criterion: "gradient" }),
  ],
  ["AdamW-8bit", (parameters) => createAdamW8bit({ parameters, weightDecay: 0 })],
  [
    "AdamW-8bit, small blocks",
    (parameters) => createAdamW8bit({ parameters, weightDecay: 0, blockSize: 16, smallestCoded: 0 }),
  ],
  ["MicroAdam", (parameters) => createMicroAdam({ parameters, density: 0.2 })],
  ["MicroAdam, float32 values", (parameters) => createMicroAdam({ parameters, density: 0.1, valueType: "float32" })],
  [
    "MicroAdam, small blocks",
    (parameters) => createMicroAdam({ parameters, density: 0.001, window: 3, blockSize: 16, bucketSize: 4 }),
  ],
  ["GaLore", (parameters) => createGaLore({ parameters: asMatrices(parameters), rank: 3, updateGap: 5 })],
  [
    "GaLore, tall matrices",
    (parameters) => {
      const tall = asMatrices(parameters).map((matrix) => ({ ...matrix, shape: matrix.shape.toReversed() }));
      return createGaLore({ parameters: tall, rank: 3, updateGap: 5 });
    },
  ],
  ["SGD", (parameters) => createSgd({ parameters })],
  ["AdamW, zeros kept", (parameters) => withZerosKept(createAdamW({ parameters, weightDecay: 0 }), parameters)],
];

/** Numbers from a fixed sequence, roughly normal. */
function sequence(length: number, seed: number): Float32Array {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from({ length }, () => uniform() + uniform() + uniform());
}

function tensor(name: string, length: number, seed = length): Parameter {
  return { name, shape: [length], values: sequence(length, seed) };
}

function gradientsAt(step: number, parameters: readonly Parameter[]): Map<string, Float32Array> {
  return new Map(parameters.map(({ name, values }) => [name, sequence(values.length, step + values.length)]));
}

describe.each(optimizers)("%s", (_, create) => {
  it("finds its way down a quadratic", () => {
    const parameters = [tensor("weight", 40, 1)];
    const target = sequence(40, 2).map((value) => value * 0.1);
    const optimizer = create(parameters, 2000);
    const [weight] = parameters as [Parameter];
    const distance = (entry: number) => Math.abs((weight.values[entry] as number) - (target[entry] as number));
    const loss = () => weight.values.reduce((sum, value, entry) => sum + (value - (target[entry] as number)) ** 2, 0);
    const before = loss();
    for (let step = 0; step < 2000; step++) {
      const gradient = weight.values.map((value, entry) => 2 * (value - (target[entry] as number)));
      takeStep(optimizer, new Map([["weight", gradient]]), 0.01 * (1 - step / 2000));
    }
    // Every entry that may move comes to rest at its target; the others stay where they were.
    const need = optimizer.need("weight");
    const moving =
      need.kind === "entries" ? selectionIndices(need.selection) : weight.values.map((_value, entry) => entry);
    expect(Math.max(...moving.map(distance))).toBeLessThan(1e-3);
    expect(loss()).toBeLessThan(before);
  });

  it("learns a logistic regression from a small start", () => {
    const features = 40;
    const examples = 200;
    const inputs = sequence(features * examples, 3);
    const truth = sequence(features, 4);
    const score = (weights: Float32Array, example: number) =>
      weights.reduce((sum, value, feature) => sum + value * (inputs[example * features + feature] as number), 0);
    const labels = Array.from({ length: examples }, (_value, example) => (score(truth, example) > 0 ? 1 : 0));
    const weight: Parameter = { name: "w", shape: [features], values: sequence(features, 5).map((v) => v * 0.01) };
    const optimizer = create([weight], 300);
    for (let step = 0; step < 300; step++) {
      const gradient = new Float32Array(features);
      for (let example = 0; example < examples; example++) {
        const error = 1 / (1 + Math.exp(-score(weight.values, example))) - (labels[example] as number);
        for (let feature = 0; feature < features; feature++) {
          const slope = (error * (inputs[example * features + feature] as number)) / examples;
          gradient[feature] = (gradient[feature] as number) + slope;
        }
      }
      takeStep(optimizer, new Map([["w", gradient]]), 0.02);
    }
    const correct = labels.filter((label, example) => label === (score(weight.values, example) > 0 ? 1 : 0)).length;
    expect(correct / examples).toBeGreaterThan(0.85);
  });

  it.each([1, 3, 70_000])("leaves a tensor of %i entries as it is, bit for bit, on zero gradients", (length) => {
    const parameters = [tensor("weight", length)];
    const before = parameters.map(({ values }) => values.slice());
    const optimizer = create(parameters, 12);
    for (let step = 0; step < 12; step++) takeStep(optimizer, new Map([["weight", new Float32Array(length)]]), 0.1);
    expect(parameters.map(({ values }) => values)).toEqual(before);
  });

  it("changes only the entries it asked for", () => {
    const parameters = [tensor("a", 1), tensor("b", 3), tensor("c", 70_000)];
    const optimizer = create(parameters, 12);
    for (let step = 0; step < 12; step++) {
      optimizer.prepare();
      const before = parameters.map(({ values }) => values.slice());
      takeStep(optimizer, gradientsAt(step, parameters), 0.01);
      parameters.forEach(({ name, values }, index) => {
        const need = optimizer.need(name);
        const changed = values.reduce(
          (sum, value, entry) => sum + Number(!Object.is(value, before[index]?.[entry])),
          0,
        );
        if (need.kind !== "entries") {
          expect(changed).toBeGreaterThan(0);
          return;
        }
        expect(changed).toBeLessThanOrEqual(need.selection.count);
        expect(changed).toBeGreaterThan(0.9 * need.selection.count - 1);
        const { starts, offsets, chunkSize } = need.selection;
        for (let chunk = 0; chunk + 1 < starts.length; chunk++) {
          for (const offset of offsets.subarray(starts[chunk], starts[chunk + 1])) {
            values[chunk * chunkSize + offset] = before[index]?.[chunk * chunkSize + offset] ?? NaN;
          }
        }
        expect(values.findIndex((value, entry) => !Object.is(value, before[index]?.[entry]))).toBe(-1);
      });
    }
  });

  it.each([0, 1, 5, 7, 9])("repeats itself bit for bit when restored after %i of 16 steps", (stop) => {
    const parameters = [tensor("layer/weight", 1000), tensor("bias", 3)];
    const optimizer = create(parameters, 16);
    for (let step = 0; step < stop; step++) takeStep(optimizer, gradientsAt(step, parameters), 0.01);
    const copies = parameters.map(({ name, shape, values }) => ({ name, shape, values: values.slice() }));
    const resumed = create(copies, 16);
    resumed.restore(optimizer.state());
    expect(resumed.state()).toEqual(optimizer.state());
    for (let step = stop; step < 16; step++) {
      takeStep(optimizer, gradientsAt(step, parameters), 0.01);
      takeStep(resumed, gradientsAt(step, copies), 0.01);
    }
    expect(copies).toEqual(parameters);
    expect(resumed.completedSteps).toBe(16);
    expect(resumed.density()).toBe(optimizer.density());
    expect(resumed.state()).toEqual(optimizer.state());
  });

  it("restores a snapshot taken between prepare and apply", () => {
    const parameters = [tensor("weight", 1000)];
    const optimizer = create(parameters, 16);
    for (let step = 0; step < 5; step++) takeStep(optimizer, gradientsAt(step, parameters), 0.01);
    optimizer.prepare();
    const copies = parameters.map(({ name, shape, values }) => ({ name, shape, values: values.slice() }));
    const resumed = create(copies, 16);
    resumed.restore(optimizer.state());
    takeStep(optimizer, gradientsAt(5, parameters), 0.01);
    takeStep(resumed, gradientsAt(5, copies), 0.01);
    expect(copies).toEqual(parameters);
  });

  it("holds as many bytes as its state has", () => {
    const parameters = [tensor("a", 1), tensor("b", 3), tensor("c", 70_000)];
    const optimizer = create(parameters, 16);
    for (let step = 0; step < 9; step++) takeStep(optimizer, gradientsAt(step, parameters), 0.01);
    const sharedAges = [...optimizer.state().tensors].filter(
      ([key, array]) => key.endsWith("/ages") && array.length === 1,
    );
    const bytes = [...optimizer.state().tensors.values()].reduce((sum, array) => sum + array.byteLength, 0);
    const notHeld = sharedAges.length === 3 ? 3 * Uint16Array.BYTES_PER_ELEMENT : 0;
    expect(optimizer.stateBytes()).toBe(bytes - notHeld);
  });

  it("prepares once, however often it is asked", () => {
    const parameters = [tensor("weight", 100)];
    const optimizer = create(parameters, 16);
    optimizer.prepare();
    const need = optimizer.need("weight");
    optimizer.prepare();
    expect(optimizer.need("weight")).toEqual(need);
    expect(optimizer.completedSteps).toBe(0);
  });

  it("tells of every tensor before it moves", () => {
    const weights = new Map(["a", "b"].map((name) => [name, Float32Array.of(0.5, -0.25, 1, -2)]));
    const optimizer = create(
      [...weights].map(([name, values]) => ({ name, shape: [4], values })),
      4,
    );
    optimizer.prepare();
    const gradients = [...weights.keys()].map((name) => {
      const need = optimizer.need(name);
      return [name, new Float32Array(need.kind === "entries" ? need.selection.count : 4).fill(1)] as const;
    });
    const seen = new Map<string, Float32Array | undefined>();
    optimizer.apply(new Map(gradients), 0.1, (name) => seen.set(name, weights.get(name)?.slice()));
    expect([...seen]).toEqual(["a", "b"].map((name) => [name, Float32Array.of(0.5, -0.25, 1, -2)]));
  });

  it("takes tensors one after another, in any order, to the same bits", () => {
    const [whole, single] = [0, 1].map(() => ["a", "b", "c"].map((name, i) => tensor(name, 20 * (i + 1))));
    if (whole === undefined || single === undefined) throw new Error("no parameters");
    const [together, oneByOne] = [create(whole, 12), create(single, 12)];
    for (let step = 0; step < 12; step++) {
      takeStep(together, gradientsAt(step, whole), 0.1);
      oneByOne.prepare();
      const gradients = gradientsAt(step, single);
      const moved: string[] = [];
      for (const name of step % 2 === 0 ? ["c", "a", "b"] : ["b", "c", "a"]) {
        const need = oneByOne.need(name);
        const gradient = gradients.get(name) ?? new Float32Array();
        const needed = need.kind === "entries" ? gatherEntries(gradient, need.selection) : gradient;
        oneByOne.update(name, needed, 0.1, (each) => moved.push(each));
        expect(moved.at(-1)).toBe(name);
      }
      oneByOne.complete();
    }
    expect(single).toEqual(whole);
    expect(oneByOne.state()).toEqual(together.state());
  });

  it("takes an empty tensor", () => {
    const parameters = [{ name: "empty", shape: [0, 4], values: new Float32Array() }];
    takeStep(create(parameters, 4), new Map([["empty", new Float32Array()]]), 0.1);
  });

  describe("refuses", () => {
    const prepared = () => {
      const parameters = [tensor("a", 30), tensor("b", 3)];
      const optimizer = create(parameters, 16);
      optimizer.prepare();
      return { parameters, optimizer };
    };

    it("an unknown name", () => {
      expect(() => prepared().optimizer.need("c")).toThrow(/"c" is not a parameter/);
    });

    it("a missing, an unknown and a wrongly sized gradient, before anything is written", () => {
      const { parameters, optimizer } = prepared();
      const before = parameters.map(({ values }) => values.slice());
      const sizeOf = (name: string) => {
        const need = optimizer.need(name);
        return need.kind === "entries" ? need.selection.count : name === "a" ? 30 : 3;
      };
      const good = new Float32Array(sizeOf("a")).fill(1);
      const other = new Float32Array(sizeOf("b")).fill(1);
      expect(() => optimizer.apply(new Map([["a", good]]), 0.1)).toThrow(/gradient of "b" is missing; expected/);
      const wrong = new Map([
        ["a", good],
        ["b", new Float32Array(99)],
      ]);
      expect(() => optimizer.apply(wrong, 0.1)).toThrow(/gradient of "b" is 99 values; expected/);
      const unknown = new Map([
        ["a", good],
        ["b", other],
        ["c", other],
      ]);
      expect(() => optimizer.apply(unknown, 0.1)).toThrow(/"c" is not a parameter/);
      expect(parameters.map(({ values }) => values)).toEqual(before);
      expect(optimizer.completedSteps).toBe(0);
    });

    it.each([Number.NaN, Infinity, -Infinity])("a gradient with %s in it, before anything is written", (value) => {
      const { parameters, optimizer } = prepared();
      const before = parameters.map(({ values }) => values.slice());
      const state = optimizer.state();
      const gradients = gradientsAt(0, parameters);
      const needed = new Map(
        [...gradients].map(([name, gradient]) => {
          const need = optimizer.need(name);
          return [name, need.kind === "entries" ? gradient.slice(0, need.selection.count) : gradient] as const;
        }),
      );
      needed.get("b")?.fill(value, 0, 1);
      expect(() => optimizer.apply(needed, 0.1)).toThrow(`the gradient of "b" is ${value} at position 0`);
      expect(parameters.map(({ values }) => values)).toEqual(before);
      expect(optimizer.state()).toEqual(state);
    });

    it("tensors one after another that are left out, come twice or with all others", () => {
      const { optimizer } = prepared();
      const need = optimizer.need("b");
      const gradient = new Float32Array(need.kind === "entries" ? need.selection.count : 3).fill(1);
      const update = (given: Float32Array) => optimizer.update("b", given, 0.1);
      expect(() => optimizer.update("c", gradient, 0.1)).toThrow(/"c" is not a parameter/);
      expect(() => update(new Float32Array(99))).toThrow(/gradient of "b" is 99 values; expected/);
      expect(() => update(gradient.map(() => Number.NaN))).toThrow(/gradient of "b" is NaN at position 0/);
      update(gradient);
      expect(() => update(gradient)).toThrow(/"b" was updated already in step 0/);
      expect(() => optimizer.apply(new Map(), 0.1)).toThrow(/with tensors updated; expected complete/);
      expect(() => optimizer.complete()).toThrow(/gradient of "a" is missing; expected/);
      expect(optimizer.completedSteps).toBe(0);
    });

    it("a rate below 0 and a step without prepare", () => {
      const { parameters, optimizer } = prepared();
      expect(() => optimizer.apply(new Map(), -1)).toThrow(/learningRate is -1/);
      takeStep(optimizer, gradientsAt(0, parameters), 0.1);
      expect(() => optimizer.apply(gradientsAt(1, parameters), 0.1)).toThrow(/without prepare/);
      expect(() => optimizer.update("a", new Float32Array(30), 0.1)).toThrow(/without prepare/);
    });

    it("a state of other tensors, sizes or types", () => {
      const { parameters, optimizer } = prepared();
      takeStep(optimizer, gradientsAt(0, parameters), 0.1);
      const { completedSteps, tensors } = optimizer.state();
      const restoring = (change: (copy: Map<string, Float32Array | Uint8Array>) => void) => {
        const copy = new Map(tensors) as Map<string, Float32Array | Uint8Array>;
        change(copy);
        return () => optimizer.restore({ completedSteps, tensors: copy });
      };
      const key = [...tensors.keys()].find((each) => each.startsWith("b/"))?.slice(2) ?? "none";
      const other = tensors.get(`a/${key}`) instanceof Float32Array ? new Uint8Array(30) : new Float32Array(30);
      expect(restoring((copy) => copy.delete(`b/${key}`))).toThrow(`"b" does not fit: ${key} is missing`);
      expect(restoring((copy) => copy.set("c/first_moment", new Float32Array(1)))).toThrow(/"c\/first_moment"/);
      expect(restoring((copy) => copy.set("a/third_moment", new Float32Array(1)))).toThrow(/third_moment was found/);
      expect(restoring((copy) => copy.set(`a/${key}`, new Float32Array(77)))).toThrow(/Float32Array of 77/);
      expect(restoring((copy) => copy.set(`a/${key}`, other))).toThrow(/Array of 30; expected/);
      expect(() => optimizer.restore({ completedSteps: -1, tensors })).toThrow(/completedSteps is -1/);
    });

    it("parameters with one name, or values that do not fit their shape", () => {
      expect(() => create([tensor("a", 1), tensor("a", 2)], 4)).toThrow(/two tensors named "a"/);
      expect(() => create([{ ...tensor("a", 6), shape: [2, 4] }], 4)).toThrow(/6 values; expected 8/);
      expect(() => create([{ name: "a", shape: [1], values: [1] as unknown as Float32Array }], 4)).toThrow(TypeError);
    });
  });
});

describe("withFrozen", () => {
  it("needs nothing of the frozen tensors, and of the others what the optimizer needs", () => {
    const parameters = [tensor("weight", 10)];
    const optimizer = withFrozen(createAdamW({ parameters }), ["base"]);
    expect(optimizer.need("base")).toEqual({ kind: "nothing" });
    expect(optimizer.need("weight")).toEqual({ kind: "whole" });
    expect(() => optimizer.need("other")).toThrow(/"other" is not a parameter/);
    takeStep(optimizer, gradientsAt(0, parameters), 0.1);
    expect(optimizer.completedSteps).toBe(1);
    expect([...optimizer.state().tensors.keys()]).toEqual(["weight/first_moment", "weight/second_moment"]);
  });
});

describe("takeStep", () => {
  it("gives a selection what gathering would", () => {
    const parameters = [tensor("weight", 100)];
    const optimizer = createNanoAdam({ parameters, density: 0.1, maskInterval: 1, totalSteps: 1 });
    const [weight] = parameters as [Parameter];
    const selection = selectSmallest(weight.values, { density: 0.1 });
    optimizer.prepare();
    expect(optimizer.need("weight")).toEqual({ kind: "entries", selection });
  });
});
