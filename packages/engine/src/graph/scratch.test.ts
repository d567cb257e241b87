import { expect, test } from "vitest";
import { add, multiply } from "./elementwise.js";
import { input, tensorFunction } from "./function.js";
import { scratchBytes } from "./scratch.js";
import { reshape } from "./shape.js";

test("values between count from their making to their last use; inputs, outputs and reshaped views do not", () => {
  const x = input("float32", [8]);
  const a = add(x, x);
  const b = multiply(a, a);
  const c = add(b, a);
  const function_ = (output: typeof x) =>
    tensorFunction("f", [{ name: "x", value: x }], [{ name: "y", value: output }]);
  expect(scratchBytes(function_(a))).toBe(0);
  expect(scratchBytes(function_(b))).toBe(4 * 8);
  expect(scratchBytes(function_(c))).toBe(2 * 4 * 8);
  expect(scratchBytes(function_(add(reshape(a, [2, 4]), reshape(a, [2, 4]))))).toBe(4 * 8);
});
