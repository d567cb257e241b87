import { describe, expect, it } from "vitest";
import { fillDropoutMask, normal, randomBits, uniform } from "./random.js";

const key = { seed: 1, step: 2, site: 3 };
const count = 200_000;

describe("counter-based random numbers", () => {
  it("depend on seed, step, site and counter, and on nothing else", () => {
    expect(randomBits(key, 5)).toBe(randomBits({ ...key }, 5));
    const others = [
      { ...key, seed: 2 },
      { ...key, step: 3 },
      { ...key, site: 4 },
    ].map((other) => randomBits(other, 5));
    expect(new Set([randomBits(key, 5), randomBits(key, 6), ...others]).size).toBe(5);
  });

  it("are uniform in every one of 256 bins (chi-squared within five deviations)", () => {
    const bins = new Float64Array(256);
    for (let i = 0; i < count; i++) {
      const bin = Math.floor(uniform(key, i) * 256);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const expected = count / 256;
    const chiSquared = bins.reduce((sum, observed) => sum + (observed - expected) ** 2 / expected, 0);
    expect(Math.abs(chiSquared - 255)).toBeLessThan(5 * Math.sqrt(2 * 255));
  });

  it.each([
    ["neighbouring counters", key, 1],
    ["neighbouring steps", { ...key, step: 3 }, 0],
    ["neighbouring sites", { ...key, site: 4 }, 0],
    ["neighbouring seeds", { ...key, seed: 2 }, 0],
  ])("are not correlated between %s", (_name, other, shift) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += (uniform(key, i) - 0.5) * (uniform(other, i + shift) - 0.5);
    expect(Math.abs((12 * sum) / count)).toBeLessThan(5 / Math.sqrt(count));
  });

  it("have the moments of a standard normal", () => {
    const draws = Float64Array.from({ length: count }, (_, i) => normal(key, i));
    const moment = (power: number) => draws.reduce((sum, x) => sum + x ** power, 0) / count;
    expect(Math.abs(moment(1))).toBeLessThan(0.012);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15);
  });

  it.each([0, 0.1, 0.5, 0.9])("drop the share %d of a mask", (rate) => {
    const mask = new Uint8Array(count + 1);
    fillDropoutMask(mask, rate, key);
    const kept = mask.reduce((sum, entry) => sum + entry, 0) / mask.length;
    expect(Math.abs(kept - (1 - rate))).toBeLessThan(0.006);
    if (rate === 0) expect(kept).toBe(1);
  });
});
