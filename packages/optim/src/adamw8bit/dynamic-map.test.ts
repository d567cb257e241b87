import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodeMap, codeValues } from "./dynamic-map.js";

describe.each([
  ["signed", true],
  ["unsigned", false],
])("the %s map", (_, isSigned) => {
  const map = new CodeMap(isSigned);

  it("has 256 different numbers, ascending, 0 and 1 among them", () => {
    const values = codeValues(isSigned);
    expect(values.length).toBe(256);
    expect(values.every((value, code) => code === 0 || value > (values[code - 1] as number))).toBe(true);
    expect(values).toContain(0);
    expect(values[255]).toBe(1);
  });

  it("gives back the code of each of its numbers", () => {
    expect([...map.values].map((value) => map.nearest(value))).toEqual([...map.values.keys()]);
    expect(map.values[map.zero]).toBe(0);
  });

  it("finds the nearest number, as a search of all does", () => {
    fc.assert(
      fc.property(fc.double({ min: isSigned ? -1 : 0, max: 1, noNaN: true }), (value) => {
        const distances = [...map.values].map((number) => Math.abs(number - value));
        expect(distances[map.nearest(value)]).toBe(Math.min(...distances));
      }),
      { numRuns: 300 },
    );
  });
});

it("has half of the signed numbers below 0, and none of the unsigned", () => {
  expect(codeValues(true).filter((value) => value < 0).length).toBe(127);
  expect(codeValues(false).filter((value) => value < 0).length).toBe(0);
});

it("spaces numbers as the definition says: the highest signed decade has 64 steps from 0.1 to 1", () => {
  const highest = codeValues(true).filter((value) => value > 0.1 && value < 1);
  expect(highest.length).toBe(64);
  expect(highest[0]).toBeCloseTo(0.1 + 0.9 / 128, 6);
});
