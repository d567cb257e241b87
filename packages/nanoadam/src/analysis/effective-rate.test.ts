import { expect, test } from "vitest";
import { effectiveRates } from "./effective-rate.js";

const adam = { beta2: 0.999, epsilon: 1e-8, isCorrected: true };

test("after one step of Adam the rate is the learning rate over the gradient's size", () => {
  const gradient = [0.5, -2, 0];
  const moments = Float32Array.from(gradient, (slope) => (1 - adam.beta2) * slope ** 2);
  const { sum, entries } = effectiveRates(moments, 1e-3, 1, adam);
  expect(entries).toBe(2);
  expect(sum).toBeCloseTo(1e-3 / 0.5 + 1e-3 / 2, 6);
});

test("moments in bfloat16 give the same, to their precision, and uncorrected ones a larger rate", () => {
  const wide = Float32Array.of(0.25, 1);
  const narrow = Uint16Array.of(0x3e80, 0x3f80);
  expect(effectiveRates(narrow, 1, 10, adam)).toEqual(effectiveRates(wide, 1, 10, adam));
  expect(effectiveRates(wide, 1, 10, { ...adam, isCorrected: false }).sum).toBeCloseTo(3, 5);
});
