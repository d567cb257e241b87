import { describe, expect, it } from "vitest";
import { type Criterion, createNanoAdam, type NanoAdamOptions, selectionIndices, takeStep } from "../index.js";

const values = [0.5, -0.1, 0, 2, -3, 0.2, 0, -0.05, 1, 0.7];
const gradient = [1, 0, 9, 0, 0, -5, 0, 0, 3, 0];

/** The entries that move in the first step. */
function chosen(options: Partial<NanoAdamOptions>, weights: readonly number[] = values): number[] {
  const weight = { name: "weight", shape: [weights.length], values: Float32Array.from(weights) };
  const optimizer = createNanoAdam({
    parameters: [weight],
    density: 0.3,
    maskInterval: 10,
    totalSteps: 10,
    ...options,
  });
  takeStep(optimizer, new Map([["weight", Float32Array.from(gradient)]]), 0.1);
  optimizer.prepare();
  const need = optimizer.need("weight");
  if (need.kind !== "entries") throw new Error("expected a selection");
  return [...selectionIndices(need.selection)];
}

describe("the criterion", () => {
  it("small takes the smallest magnitudes", () => {
    expect(chosen({ criterion: "small" })).toEqual([2, 6, 7]);
  });

  it("large takes the largest", () => {
    expect(chosen({ criterion: "large" })).toEqual([3, 4, 8]);
  });

  it("gradient takes the largest gradients of the step at which it is due", () => {
    expect(chosen({ criterion: "gradient" })).toEqual([2, 5, 8]);
  });

  it("small-in-row and small-in-column take what is small beside the rest of its line", () => {
    // A row ten times as large as the other, and a column.
    const choose = (criterion: Criterion, shape: readonly number[], weights: readonly number[], narrow = false) => {
      const wide = Float32Array.from(weights);
      const halves = new Uint16Array(wide.buffer).filter((_, half) => half % 2 === 1);
      const parameters = [{ name: "weight", shape, values: narrow ? halves : wide }];
      const optimizer = createNanoAdam({ parameters, density: 1 / 3, maskInterval: 1, totalSteps: 1, criterion });
      optimizer.prepare();
      const need = optimizer.need("weight");
      return need.kind === "entries" ? [...selectionIndices(need.selection)] : [];
    };
    const rows = [1, 2, 3, 11, 20, 30];
    for (const narrow of [false, true]) {
      expect(choose("small", [2, 3], rows, narrow)).toEqual([0, 1]);
      expect(choose("small-in-row", [2, 3], rows, narrow)).toEqual([0, 3]);
      expect(choose("small-in-column", [3, 2], [1, 11, 2, 20, 3, 30], narrow)).toEqual([0, 1]);
    }
    expect(choose("small-in-row", [6], rows)).toEqual([0, 1]);
    expect(choose("small-in-row", [2, 3], [0, 0, 0, 1, 2, 3])).toEqual([0, 1]);
  });

  it("random follows from the seed and the tensor's name, and changes with each refresh", () => {
    const draws = Array.from({ length: 30 }, (_, seed) => chosen({ criterion: "random", seed }).join());
    expect(chosen({ criterion: "random", seed: 4 }).join()).toBe(draws[4]);
    expect(new Set(draws).size).toBeGreaterThan(20);
    const weight = { name: "weight", shape: [100], values: new Float32Array(100).fill(1) };
    const optimizer = createNanoAdam({
      parameters: [weight],
      density: 0.1,
      maskInterval: 1,
      totalSteps: 50,
      criterion: "random",
    });
    const counts = new Array<number>(100).fill(0);
    for (let step = 0; step < 50; step++) {
      optimizer.prepare();
      const need = optimizer.need("weight");
      if (need.kind !== "entries") throw new Error("expected a selection");
      for (const entry of selectionIndices(need.selection)) counts[entry] = (counts[entry] ?? 0) + 1;
      takeStep(optimizer, new Map([["weight", new Float32Array(100)]]), 0.1);
    }
    expect(counts.filter((count) => count === 0).length).toBeLessThan(5);
    expect(Math.max(...counts)).toBeLessThan(16);
  });
});

describe("skipZeros", () => {
  it("leaves zeros alone and takes its fraction of the others", () => {
    expect(chosen({ skipZeros: true })).toEqual([1, 5, 7]);
    expect(chosen({ skipZeros: true, criterion: "gradient" })).toEqual([0, 5, 8]);
    expect(chosen({ skipZeros: true, density: 1 })).toEqual([0, 1, 3, 4, 5, 7, 8, 9]);
  });

  it("takes weights without a gradient rather than zeros", () => {
    const weight = { name: "weight", shape: [8], values: Float32Array.of(0, 0, 0, 0, 5, 6, 7, 8) };
    const options = { density: 0.5, maskInterval: 1, totalSteps: 1, skipZeros: true, criterion: "gradient" } as const;
    const optimizer = createNanoAdam({ parameters: [weight], ...options });
    takeStep(optimizer, new Map([["weight", Float32Array.of(9, 9, 9, 9, 0, 0, 0, 1)]]), 0.1);
    expect([...weight.values.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
    expect(weight.values[7]).not.toBe(8);
  });

  it("takes nothing of a chunk that is all zeros", () => {
    expect(chosen({ skipZeros: true, chunkSize: 5 }, [0, 0, 0, 0, 0, 1, 2, 3, 4, 5])).toEqual([5, 6]);
  });

  it.each(["small", "large", "random", "gradient"] as const)("keeps a pruned network pruned: %s", (criterion) => {
    const pruned = Float32Array.from({ length: 1000 }, (_, entry) => (entry % 5 === 0 ? Math.sin(entry + 1) : 0));
    const weight = { name: "weight", shape: [1000], values: pruned.slice() };
    const optimizer = createNanoAdam({
      parameters: [weight],
      density: 0.5,
      maskInterval: 2,
      totalSteps: 20,
      skipZeros: true,
      criterion,
    });
    for (let step = 0; step < 20; step++) {
      const slopes = Float32Array.from({ length: 1000 }, (_, entry) => Math.cos(entry * (step + 1)));
      takeStep(optimizer, new Map([["weight", slopes]]), 0.001);
    }
    expect(weight.values.every((value, entry) => (pruned[entry] !== 0) === (value !== 0))).toBe(true);
    expect(weight.values.some((value, entry) => value !== pruned[entry])).toBe(true);
  });

  it("keeps states with entries as chunks' counts change", () => {
    const weight = { name: "weight", shape: [8], values: Float32Array.of(0, 0, 1, 2, 3, 4, 5, 6) };
    const options = { density: 0.5, maskInterval: 1, totalSteps: 4, skipZeros: true, chunkSize: 4 };
    const optimizer = createNanoAdam({ parameters: [weight], ...options, biasCorrection: "entry" });
    for (let step = 0; step < 4; step++) takeStep(optimizer, new Map([["weight", new Float32Array(8).fill(1)]]), 0.01);
    const { tensors } = optimizer.state();
    expect([...(tensors.get("weight/ages") ?? [])]).toEqual([4, 4, 4]);
  });
});

it("a static mask is one refresh for the whole run", () => {
  const weight = { name: "weight", shape: [10], values: Float32Array.from(values) };
  const optimizer = createNanoAdam({ parameters: [weight], density: 0.2, maskInterval: 100, totalSteps: 100 });
  optimizer.prepare();
  const first = optimizer.need("weight");
  for (let step = 0; step < 50; step++) takeStep(optimizer, new Map([["weight", Float32Array.from(gradient)]]), 0.5);
  optimizer.prepare();
  expect(optimizer.need("weight")).toEqual(first);
});
