import { describe, expect, it } from "vitest";
import {
  createAdamW,
  createNanoAdam,
  type NanoAdamOptions,
  type Parameter,
  selectionIndices,
  takeStep,
} from "../index.js";

function tensor(name: string, values: readonly number[]): Parameter {
  return { name, shape: [values.length], values: Float32Array.from(values) };
}

function create(parameters: readonly Parameter[], options: Partial<NanoAdamOptions> = {}) {
  return createNanoAdam({ parameters, density: 0.5, maskInterval: 2, totalSteps: 10, ...options });
}

function selected(optimizer: ReturnType<typeof create>, name: string): number[] {
  const need = optimizer.need(name);
  return need.kind === "entries" ? [...selectionIndices(need.selection)] : [];
}

describe("the selection", () => {
  it("stays for maskInterval steps and then follows the weights", () => {
    const weight = tensor("w", [0.1, 0.2, 0.3, 0.4]);
    const optimizer = create([weight]);
    const gradient = new Map([["w", Float32Array.of(-1, 0, 0, 0)]]);
    takeStep(optimizer, gradient, 0.25); // 0.1 becomes 0.35
    optimizer.prepare();
    expect(selected(optimizer, "w")).toEqual([0, 1]);
    takeStep(optimizer, gradient, 0.25);
    optimizer.prepare();
    expect(selected(optimizer, "w")).toEqual([1, 2]);
  });

  it("is a new object after a refresh, the same one between refreshes", () => {
    const weight = tensor("w", [0.1, 0.2, 0.3, 0.4]);
    const optimizer = create([weight]);
    const zero = new Map([["w", new Float32Array(4)]]);
    const selections = Array.from({ length: 3 }, () => {
      takeStep(optimizer, zero, 0.1);
      const need = optimizer.need("w");
      return need.kind === "entries" ? need.selection : undefined;
    });
    expect(selections[0]).toBe(selections[1]);
    expect(selections[1]).not.toBe(selections[2]);
    expect(selections[1]).toEqual(selections[2]);
  });

  it("is one entry of a chunk where the density is tiny", () => {
    const optimizer = create([tensor("w", [3, 2, 1, 4, 5, 6])], { density: 1e-6, chunkSize: 4 });
    optimizer.prepare();
    expect(selected(optimizer, "w")).toEqual([2, 4]);
  });

  it("is asked for only after prepare", () => {
    expect(() => create([tensor("w", [1])]).need("w")).toThrow(/"w" has no selection yet; expected prepare/);
  });

  it("is refused, by the tensor's name, where a weight is not finite", () => {
    const optimizer = create([tensor("fine", [1, 2]), tensor("layer.weight", [1, NaN])]);
    expect(() => optimizer.prepare()).toThrow(/entry 1 of "layer.weight" is NaN/);
  });
});

describe("moments at a refresh", () => {
  const firstMoments = (stateOnRefresh: "carry" | "reset") => {
    const weight = tensor("w", [0.1, 0.2, 0.3, 0.4]);
    const optimizer = create([weight], { stateOnRefresh, maskInterval: 1, biasCorrection: "entry" });
    takeStep(optimizer, new Map([["w", Float32Array.of(-1, 1, 0, 0)]]), 0.25); // leaves 0.35, -0.05, 0.3, 0.4
    optimizer.prepare();
    expect(selected(optimizer, "w")).toEqual([1, 2]);
    const { tensors } = optimizer.state();
    return { moments: Array.from(tensors.get("w/first_moment") ?? []), ages: Array.from(tensors.get("w/ages") ?? []) };
  };

  it("are carried for entries that stay, and start at 0 for the others", () => {
    const { moments, ages } = firstMoments("carry");
    expect(moments).toEqual([Math.fround(0.1), 0]);
    expect(ages).toEqual([1, 0]);
  });

  it("are all 0 where they are reset", () => {
    expect(firstMoments("reset")).toEqual({ moments: [0, 0], ages: [0] });
  });
});

describe("bias correction", () => {
  it("by entry makes a newcomer's first step as long as the rate", () => {
    const weight = tensor("w", [0.1, 0.2, 0.3, 0.4]);
    const optimizer = create([weight], { maskInterval: 1, biasCorrection: "entry" });
    takeStep(optimizer, new Map([["w", Float32Array.of(-1, 0, 0, 0)]]), 0.25); // 0.35: entry 2 takes its place
    takeStep(optimizer, new Map([["w", Float32Array.of(0, 0, 7, 0)]]), 0.01);
    expect(weight.values[2]).toBeCloseTo(0.29, 6);
  });

  it("leaves the first step 3.16 times as long without it", () => {
    const weight = tensor("w", [0.1]);
    takeStep(create([weight], { biasCorrection: "none" }), new Map([["w", Float32Array.of(1)]]), 0.01);
    expect(weight.values[0]).toBeCloseTo(0.1 - (0.01 * 0.1) / Math.sqrt(0.001), 6);
  });
});

describe("a newly selected entry", () => {
  /** The second moments after a refresh at which entry 2 enters and entry 1 stays. */
  const secondMoments = (options: Partial<NanoAdamOptions>) => {
    const optimizer = create([tensor("w", [0.1, 0.2, 0.3, 0.4])], { maskInterval: 1, ...options });
    takeStep(optimizer, new Map([["w", Float32Array.of(-1, 1, 0, 0)]]), 0.25); // leaves 0.35, -0.05, 0.3, 0.4
    optimizer.prepare();
    return [...(optimizer.state().tensors.get("w/second_moment") ?? [])];
  };

  it("enters with a second moment of 0, or with the mean of those that stay", () => {
    expect(secondMoments({})).toEqual([expect.closeTo(0.001, 8), 0]);
    expect(secondMoments({ enteringMoment: "mean" })).toEqual([expect.closeTo(0.001, 8), expect.closeTo(0.001, 8)]);
  });

  it.each(["global", "entry", "none"] as const)(
    "takes steps that grow over its warm-up, correction %s",
    (biasCorrection) => {
      const steps = (entryWarmup: number) => {
        const weight = tensor("w", [0.1]);
        const optimizer = create([weight], { entryWarmup, biasCorrection });
        return Array.from({ length: 5 }, () => {
          const before = weight.values[0] as number;
          takeStep(optimizer, new Map([["w", Float32Array.of(1)]]), 0.001);
          return before - (weight.values[0] as number);
        });
      };
      const whole = steps(0);
      const parts = steps(4).map((step, index) => step / (whole[index] as number));
      expect(parts).toEqual([0.25, 0.5, 0.75, 1, 1].map((part) => expect.closeTo(part, 3)));
    },
  );

  it("warms up from when it enters, not from when the run began", () => {
    const weight = tensor("w", [0.1, 0.2, 0.3, 0.4]);
    const optimizer = create([weight], { maskInterval: 2, entryWarmup: 2, biasCorrection: "entry" });
    takeStep(optimizer, new Map([["w", Float32Array.of(-1, 0, 0, 0)]]), 0.25);
    takeStep(optimizer, new Map([["w", Float32Array.of(-1, 0, 0, 0)]]), 0.25); // leaves 0.475: entry 2 takes its place
    takeStep(optimizer, new Map([["w", Float32Array.of(0, 0, 7, 0)]]), 0.01);
    expect(weight.values[2]).toBeCloseTo(0.295, 6);
  });
});

describe("dense tensors", () => {
  it("may have a rate of their own", () => {
    const at = (denseLearningRate: number | undefined, rate: number) => {
      const norm = tensor("norm", [1, -2, 3]);
      const optimizer = create([norm], { dense: ["norm"], denseLearningRate });
      takeStep(optimizer, new Map([["norm", Float32Array.of(1, 2, 3)]]), rate);
      return norm.values;
    };
    expect(at(0.1, 0.01)).toEqual(at(1, 0.001));
    expect(at(1, 0.01)).toEqual(at(undefined, 0.01));
  });

  it("are updated as AdamW without decay would, through every refresh", () => {
    const dense = tensor("norm", [1, -2, 3]);
    const twin = tensor("norm", [1, -2, 3]);
    const optimizer = create([dense, tensor("w", [1, 2])], {
      dense: ["norm"],
      stateOnRefresh: "reset",
      weightDecay: 0.1,
    });
    const reference = createAdamW({ parameters: [twin], weightDecay: 0 });
    for (let step = 0; step < 7; step++) {
      const gradient = Float32Array.of(Math.sin(step), 1, -step);
      takeStep(
        optimizer,
        new Map([
          ["norm", gradient],
          ["w", new Float32Array(2)],
        ]),
        0.1,
      ); //
      takeStep(reference, new Map([["norm", gradient]]), 0.1);
    }
    expect(optimizer.need("norm")).toEqual({ kind: "whole" });
    expect(dense.values).toEqual(twin.values);
  });

  it("are all of NanoAdam at density 1", () => {
    const sparse = tensor("w", [1, -2, 3]);
    const twin = tensor("w", [1, -2, 3]);
    const optimizer = create([sparse], { density: 1, weightDecay: 0.1 });
    const reference = createAdamW({ parameters: [twin], weightDecay: 0.1 });
    for (let step = 0; step < 7; step++) {
      const gradient = new Map([["w", Float32Array.of(Math.sin(step), 1, -step)]]);
      takeStep(optimizer, gradient, 0.1);
      takeStep(reference, gradient, 0.1);
    }
    sparse.values.forEach((value, entry) => {
      expect(value).toBeCloseTo(twin.values[entry] as number, 6);
    });
  });
});

describe("weight decay", () => {
  it("shrinks the selected entries only", () => {
    const weight = tensor("w", [0.5, 1, 2, 4]);
    takeStep(create([weight], { weightDecay: 0.1 }), new Map([["w", new Float32Array(4)]]), 0.5);
    expect([...weight.values]).toEqual([0.475, 0.95, 2, 4].map(Math.fround));
  });
});

describe("stateBytes", () => {
  it.each([
    ["carry", "entry", 12],
    ["carry", "global", 10],
    ["carry", "none", 10],
    ["reset", "entry", 10],
    ["reset", "none", 10],
  ] as const)("%s, %s: %i per selected entry", (stateOnRefresh, biasCorrection, perEntry) => {
    const values = Array.from({ length: 70_000 }, (_, entry) => Math.sin(entry));
    const parameters = [tensor("w", values), tensor("head", [1, 2, 3])];
    const optimizer = create(parameters, { density: 0.01, dense: ["head"], stateOnRefresh, biasCorrection });
    optimizer.prepare();
    const count = 328 + 328 + 45; // of chunks of 32,768, 32,768 and 4,464 entries
    expect(optimizer.stateBytes()).toBe(perEntry * count + 4 * (3 + 1) + 8 * 3);
  });
});

describe("long runs", () => {
  it("go on past the oldest age that 16 bits hold, through a restore", () => {
    const weight = tensor("w", [0.1, 5]);
    const optimizer = create([weight], { maskInterval: 1000, biasCorrection: "entry" });
    optimizer.prepare();
    const aged = new Map([...optimizer.state().tensors, ["w/ages", Uint16Array.of(65_535)] as const]);
    optimizer.restore({ completedSteps: 200_000, tensors: aged });
    takeStep(optimizer, new Map([["w", Float32Array.of(1, 0)]]), 0.01);
    // Factors of 1, so the step is that of Algorithm 1 as printed.
    expect(weight.values[0]).toBeCloseTo(0.1 - (0.01 * 0.1) / Math.sqrt(0.001), 6);
    expect([...(optimizer.state().tensors.get("w/ages") ?? [])]).toEqual([65_535]);
  });
});

describe("createNanoAdam refuses", () => {
  it.each([
    [{ density: 0 }, /density is 0/],
    [{ finalDensity: 2 }, /finalDensity is 2/],
    [{ maskInterval: 0 }, /maskInterval is 0/],
    [{ densityInterval: 1.5 }, /densityInterval is 1.5/],
    [{ totalSteps: -1 }, /totalSteps is -1/],
    [{ chunkSize: 70_000 }, /chunkSize is 70000/],
    [{ stateOnRefresh: "keep" as "carry" }, /stateOnRefresh is "keep"; expected one of "carry", "reset"/],
    [{ biasCorrection: "all" as "entry" }, /biasCorrection is "all"/],
    [{ betas: [0.9, 1] as const }, /betas\[1\] is 1/],
    [{ epsilon: 0 }, /epsilon is 0/],
    [{ weightDecay: -1 }, /weightDecay is -1/],
    [{ denseWeightDecay: NaN }, /denseWeightDecay is NaN/],
    [{ denseLearningRate: -1 }, /denseLearningRate is -1/],
    [{ shareBy: "rank" as "size" }, /shareBy is "rank"; expected one of "equal", "size", "gradient"/],
    [{ entryWarmup: 0.5 }, /entryWarmup is 0.5/],
    [{ enteringMoment: "one" as "mean" }, /enteringMoment is "one"/],
    [
      { enteringMoment: "mean" as const, biasCorrection: "entry" as const },
      /enteringMoment is "mean"; expected "zero"/,
    ],
    [
      { enteringMoment: "mean" as const, stateOnRefresh: "reset" as const },
      /stateOnRefresh is "reset"; expected "carry"/,
    ],
    [{ dense: ["nrom"] }, /dense names "nrom"/],
    [{ density: "0.1" as unknown as number }, /density is "0.1"; expected a number/],
  ])("%o", (options, message) => {
    expect(() => create([tensor("norm", [1])], options)).toThrow(message);
  });
});
