import { expect, test } from "vitest";
import { argmax, probabilitiesOf, rowsOf } from "./logits.js";

test("of equal logits the first is the largest", () => {
  expect(argmax(Float32Array.of(1, 3, 3, 2))).toBe(1);
  expect(argmax(Float32Array.of(-5))).toBe(0);
});

test("probabilities sum to 1, and logits of a thousand overflow nothing", () => {
  expect(probabilitiesOf(Float32Array.of(0, 0))).toEqual([0.5, 0.5]);
  const [rare = 1, likely = 0] = probabilitiesOf(Float32Array.of(1000, 1002));
  expect(rare + likely).toBeCloseTo(1, 12);
  expect(likely / rare).toBeCloseTo(Math.exp(2), 10);
});

test("rows have so many columns each", () => {
  expect(rowsOf(Float32Array.of(1, 2, 3, 4, 5, 6), 2)).toEqual([
    Float32Array.of(1, 2),
    Float32Array.of(3, 4),
    Float32Array.of(5, 6),
  ]);
});
