/** Shares that differ from tensor to tensor. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createNanoAdam, type NanoAdamOptions, type Parameter, takeStep } from "../index.js";
import { sharesOf } from "./shares.js";

const sizes = { small: 1000, large: 3000 };
const parameters = (): Parameter[] =>
  Object.entries(sizes).map(([name, size]) => ({
    name,
    shape: [size],
    values: Float32Array.from({ length: size }, (_, entry) => Math.sin(entry + 1)),
  }));
/** Gradients of `small` are three times as large. */
const gradients = (): Map<string, Float32Array> =>
  new Map(
    Object.entries(sizes).map(([name, size]) => [name, new Float32Array(size).fill(name === "small" ? 0.375 : 0.125)]),
  );

function create(options: Partial<NanoAdamOptions>, over = parameters()) {
  return createNanoAdam({ parameters: over, density: 0.1, maskInterval: 100, totalSteps: 100, ...options });
}

/** How many entries of each are selected after some steps. */
function counts(steps: number, options: Partial<NanoAdamOptions>): number[] {
  const optimizer = create(options);
  for (let step = 0; step < steps; step++) takeStep(optimizer, gradients(), 1e-3);
  optimizer.prepare();
  return Object.keys(sizes).map((name) => {
    const need = optimizer.need(name);
    return need.kind === "entries" ? need.selection.count : Number.NaN;
  });
}

describe("shares", () => {
  it("are equal unless said otherwise", () => {
    expect(counts(1, {})).toEqual([100, 300]);
  });

  it("by size are in proportion to a tensor's size, at the same count of entries in all", () => {
    expect(counts(0, { shareBy: "size" })).toEqual([40, 360]);
  });

  it("by gradient are equal in the first step, then counts are in proportion to the energy of the first gradients", () => {
    // 1,000 times nine against 3,000 times one: three to one.
    expect(counts(1, { shareBy: "gradient" })).toEqual([300, 100]);
    expect(counts(5, { shareBy: "gradient" })).toEqual([300, 100]);
  });

  it("by gradient need whole gradients in the first step only", () => {
    const optimizer = create({ shareBy: "gradient" });
    optimizer.prepare();
    expect(optimizer.need("small")).toEqual({ kind: "whole" });
    takeStep(optimizer, gradients(), 1e-3);
    optimizer.prepare();
    expect(optimizer.need("small").kind).toBe("entries");
  });

  it("go on from a snapshot with the gradients that were measured", () => {
    const [whole, cut] = [parameters(), parameters()];
    const options = { shareBy: "gradient", maskInterval: 3 } as const;
    const [optimizer, first] = [create(options, whole), create(options, cut)];
    for (let step = 0; step < 8; step++) takeStep(optimizer, gradients(), 1e-3);
    takeStep(first, gradients(), 1e-3);
    const resumed = create(options, cut);
    resumed.restore(first.state());
    for (let step = 1; step < 8; step++) takeStep(resumed, gradients(), 1e-3);
    expect(cut).toEqual(whole);
    expect(resumed.state()).toEqual(optimizer.state());
  });
});

describe("sharesOf", () => {
  const tensor = fc.tuple(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 1e9, noNaN: true }));

  it("keeps the count of entries, and never selects more than there are", () => {
    fc.assert(
      fc.property(
        fc.array(tensor, { minLength: 1, maxLength: 9 }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        (tensors, density) => {
          const sizeOf = new Map(tensors.map(([size], place) => [String(place), size]));
          const shares = sharesOf(sizeOf, new Map(tensors.map(([, want], place) => [String(place), want])), density);
          const count = (share: (name: string) => number) =>
            [...sizeOf].reduce((sum, [name, n]) => sum + n * share(name), 0);
          for (const share of shares.values()) expect(share).toBeGreaterThanOrEqual(0);
          for (const share of shares.values()) expect(share).toBeLessThanOrEqual(1);
          expect(count((name) => shares.get(name) ?? 0) / count(() => density)).toBeCloseTo(1, 6);
        },
      ),
    );
  });
});
