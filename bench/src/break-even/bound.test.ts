import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { highDensity, lowDensity, type MeasuredTimes, type ProductTimes, sampledBound } from "./bound.js";

/** Times of a sampled product that takes `fixed` and `perDensity` times the density, beside a whole one. */
const times = ({ whole = 100, fixed = 0, perDensity = 0 }): ProductTimes => ({
  whole,
  low: fixed + lowDensity * perDensity,
  high: fixed + highDensity * perDensity,
});

const onOneThread = (line: Parameters<typeof times>[0], call = 0) =>
  sampledBound({ threads: 1, alone: times(line), together: times(line), call });

describe("the bound of sampled products", () => {
  test.each([
    ["lies where the line reaches 97 % of the whole product's time", { fixed: 17, perDensity: 400 }, 0.2],
    ["is rounded down to 0.005", { fixed: 17, perDensity: 401 }, 0.195],
    ["keeps a multiple of 0.005 as it is", { fixed: 74, perDensity: 200 }, 0.115],
    ["lies below the measured densities as well", { fixed: 93, perDensity: 400 }, 0.01],
    ["is 0 where a sampled product's fixed cost is all that is allowed", { fixed: 97, perDensity: 400 }, 0],
    ["is 0 where nothing is faster than the whole product", { whole: 0, fixed: 1, perDensity: 1 }, 0],
    ["is at most 0.5", { fixed: 1, perDensity: 1 }, 0.5],
  ])("%s", (_, line, expected) => {
    expect(onOneThread(line)).toBe(expected);
  });

  test("does not count the call to the whole product", () => {
    expect(onOneThread({ whole: 103, fixed: 17, perDensity: 400 }, 3)).toBe(0.2);
  });

  test("of times that fall with density goes no further than what was measured", () => {
    expect(onOneThread({ fixed: 50, perDensity: -100 })).toBe(0.12);
    expect(onOneThread({ fixed: 99, perDensity: -1 })).toBe(0);
    expect(onOneThread({ fixed: 50 })).toBe(0.12);
  });
});

describe("on several threads", () => {
  const alone = times({ whole: 100, fixed: 15, perDensity: 500 });
  const bound = (together: ProductTimes, more: Partial<MeasuredTimes> = {}) =>
    sampledBound({ threads: 2, alone, together, call: 0, ...more });

  test("the bound is that of times which show several threads", () => {
    const together = times({ whole: 60, fixed: 15, perDensity: 260 });
    expect(bound(together)).toBe(sampledBound({ threads: 1, alone: together, together, call: 0 }));
  });

  test.each([
    ["neither product", alone],
    ["sampled products only", { ...alone, low: 20, high: 40 }],
    ["whole products only", { ...alone, whole: 55 }],
  ])("where %s had them, it is what one thread promises", (_, together) => {
    // Nine tenths of what is spread run on two threads: 55 for the whole product, 15 + 275 a density for sampled ones.
    expect(bound(together)).toBe(onOneThread({ whole: 55, fixed: 15, perDensity: 275 }));
  });

  test("more threads promise a lower bound, as one copies the factors, and waking them a lower one still", () => {
    const bounds = [2, 4, 8].map((threads) => bound(alone, { threads }));
    expect(bounds).toEqual([...bounds].sort((a, b) => b - a));
    expect(bound(alone, { call: 5 })).toBeLessThan(bound(alone));
    expect(bound(alone, { call: 50 })).toBe(0);
  });
});

test("a bound never allows a density whose time on the line is that of the whole product or more", () => {
  const time = fc.double({ min: 0.001, max: 1000, noNaN: true });
  fc.assert(
    fc.property(time, time, time, (whole, low, more) => {
      const found = sampledBound({
        threads: 1,
        alone: { whole, low, high: low + more },
        together: { whole, low, high: low + more },
        call: 0,
      });
      expect(found).toBeGreaterThanOrEqual(0);
      expect(found).toBeLessThanOrEqual(0.5);
      if (found > 0) expect(low + (more / (highDensity - lowDensity)) * (found - lowDensity)).toBeLessThan(whole);
    }),
  );
});
