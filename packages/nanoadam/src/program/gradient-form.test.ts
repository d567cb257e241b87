import { createNanoAdam, type GradientNeed } from "@nanoadam/optim";
import { expect, test } from "vitest";
import { defaultSampledBelow, gradientForm } from "./gradient-form.js";

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
    expect(gradientForm(optimizer.need("w"), "weight", density)).toBe("product");
    expect(gradientForm(optimizer.need("w"), "weight", density - 0.02)).toBe("dense");
  }
});

test("a gradient is taken as factors where a selection is no denser than the bound, and whole otherwise", () => {
  expect(gradientForm(entries(10), "weight", 0.1)).toBe("product");
  expect(gradientForm(entries(11), "weight", 0.1)).toBe("dense");
  expect(gradientForm(entries(100), "weight", 1)).toBe("product");
  expect(gradientForm(entries(1), "weight", 0)).toBe("dense");
  expect(gradientForm({ kind: "whole" }, "weight", 1)).toBe("dense");
  expect(gradientForm({ kind: "nothing" }, "weight", 1)).toBe("none");
});

test("an adapter's gradient is never taken as factors", () => {
  expect(gradientForm(entries(1), "adapter", 1)).toBe("dense");
  expect(gradientForm({ kind: "whole" }, "adapter", 1)).toBe("dense");
  expect(gradientForm({ kind: "nothing" }, "adapter", 1)).toBe("none");
});

test("of itself the bound is where it was measured to pay", () => {
  expect(gradientForm(entries(10), "weight", defaultSampledBelow)).toBe("product");
  expect(gradientForm(entries(15), "weight", defaultSampledBelow)).toBe("dense");
});
