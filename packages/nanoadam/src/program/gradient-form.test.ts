import { createNanoAdam, type GradientNeed } from "@nanoadam/optim";
import { expect, test } from "vitest";
import { acceptedStructures, isSampled } from "./gradient-form.js";

/** A need of `count` entries of a hundred. */
const entries = (count: number): GradientNeed => ({
  kind: "entries",
  selection: {
    length: 100,
    chunkSize: 100,
    count,
    starts: Uint32Array.of(0, count),
    offsets: Uint16Array.from({ length: count }, (_, index) => index),
  },
});

test("a selection is as dense as was asked for, though its chunks' counts are rounded up", () => {
  const weights = { name: "w", shape: [1000], values: new Float32Array(1000) };
  for (const density of [0.095, 0.1, 0.333]) {
    const optimizer = createNanoAdam({ parameters: [weights], density, maskInterval: 1, totalSteps: 1, chunkSize: 70 });
    optimizer.prepare();
    expect(isSampled(optimizer.need("w"), density)).toBe(true);
    expect(isSampled(optimizer.need("w"), density - 0.02)).toBe(false);
  }
});

test("a gradient is taken as factors where a selection is no denser than the bound, and whole otherwise", () => {
  expect(acceptedStructures(entries(10), 0.1)).toEqual(["product"]);
  expect(acceptedStructures(entries(11), 0.1)).toEqual([]);
  expect(acceptedStructures(entries(100), 1)).toEqual(["product"]);
  expect(acceptedStructures(entries(1), 0)).toEqual([]);
  expect(acceptedStructures({ kind: "whole" }, 1)).toEqual([]);
  expect(acceptedStructures({ kind: "nothing" }, 1)).toBeUndefined();
});
