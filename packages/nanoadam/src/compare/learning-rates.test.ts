import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { formatRate, withLearningRates } from "./learning-rates.js";
import { parseContestants } from "./optimizers.js";

const ratesOf = (list: string) =>
  Object.fromEntries(
    withLearningRates(parseContestants("nanoadam,adamw"), list).map(({ name, learningRates }) => [name, learningRates]),
  );

describe("learning rates", () => {
  test.each([
    ["auto", { nanoadam: [3e-4, 1e-3, 3e-3, 1e-2], adamw: [3e-5, 1e-4, 3e-4, 1e-3] }],
    ["3e-4,1e-4,0.0003", { nanoadam: [1e-4, 3e-4], adamw: [1e-4, 3e-4] }],
    ["nanoadam=1e-3:3e-3,adamw=1e-4", { nanoadam: [1e-3, 3e-3], adamw: [1e-4] }],
    ["adamw=1e-4", { nanoadam: [3e-4, 1e-3, 3e-3, 1e-2], adamw: [1e-4] }],
    ["1e-3,adamw=1e-4,2e-3", { nanoadam: [1e-3, 2e-3], adamw: [1e-4] }],
  ])("%s", (list, expected) => {
    expect(ratesOf(list)).toEqual(expected);
  });

  test.each([
    ["fast", '`learningRates` has "fast", expected auto, or numbers above 0'],
    ["1e-3,,", '`learningRates` has "", expected auto'],
    ["0", '`learningRates` has "0", expected auto'],
    ["1e999", '`learningRates` has "1e999", expected auto'],
    ["nanoadam=", '`learningRates` has "", expected auto'],
    ["sgd=1", '`learningRates` has rates for "sgd", expected one of nanoadam, adamw'],
    ["=1", '`learningRates` has rates for "", expected one of nanoadam, adamw'],
  ])('"%s" are none', (list, message) => {
    expect(() => ratesOf(list)).toThrow(InputError);
    expect(() => ratesOf(list)).toThrow(message);
  });

  test("are shown in short", () => {
    expect([3e-5, 0.001, 2.5e-4, 1, 20].map(formatRate)).toEqual(["3e-5", "1e-3", "2.5e-4", "1e0", "2e1"]);
  });
});
