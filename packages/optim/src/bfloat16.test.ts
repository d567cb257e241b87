import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bfloat16OfBitsStochastically, fromBfloat16, toBfloat16 } from "./bfloat16.js";

const finite = fc.float({ min: Math.fround(-1e30), max: Math.fround(1e30), noNaN: true });

describe("bfloat16", () => {
  it("gives back what it can hold", () => {
    for (const value of [0, 1, -2, 0.5, 384, -0.0078125]) expect(fromBfloat16(toBfloat16(value))).toBe(value);
  });

  it("rounds to the nearest, ties to even", () => {
    expect(fromBfloat16(toBfloat16(1 + 1 / 256))).toBe(1);
    expect(fromBfloat16(toBfloat16(1 + 3 / 256))).toBe(1 + 4 / 256);
    fc.assert(
      fc.property(finite, (value) => {
        expect(Math.abs(fromBfloat16(toBfloat16(value)) - value)).toBeLessThanOrEqual(
          Math.max(Math.abs(value), 2 ** -126) / 256,
        );
      }),
    );
  });

  it("keeps what is not finite, and makes what is too large infinite", () => {
    expect(fromBfloat16(toBfloat16(Number.NaN))).toBeNaN();
    expect(fromBfloat16(toBfloat16(-Infinity))).toBe(-Infinity);
    expect(fromBfloat16(toBfloat16(3.4e38))).toBe(Infinity);
  });

  it("rounds stochastically to a neighbour, the nearer one more often", () => {
    const value = 1 + 1 / 512;
    const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
    const rounded = Array.from({ length: 4000 }, (_, key) => fromBfloat16(bfloat16OfBitsStochastically(bits, key)));
    expect(new Set(rounded)).toEqual(new Set([1, 1 + 1 / 128]));
    const mean = rounded.reduce((sum, each) => sum + each, 0) / rounded.length;
    expect(Math.abs(mean - value)).toBeLessThan(3e-4);
  });

  it("leaves 0 at 0, whatever the key", () => {
    expect(bfloat16OfBitsStochastically(0, 123)).toBe(0);
  });
});
