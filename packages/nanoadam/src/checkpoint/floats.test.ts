import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asFloat32, narrowToBfloat16, narrowToFloat16, nonFiniteIndex, widenBfloat16, widenFloat16 } from "./floats.js";

const every16Bits = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

const formats = [
  { name: "bfloat16", widen: widenBfloat16, narrow: narrowToBfloat16, infinity: 0x7f80 },
  { name: "float16", widen: widenFloat16, narrow: narrowToFloat16, infinity: 0x7c00 },
];

for (const { name, widen, narrow, infinity } of formats) {
  describe(name, () => {
    const widened = new Float32Array(65536);
    widen(every16Bits, widened);
    const narrowOne = (value: number): number => {
      const target = new Uint16Array(1);
      narrow(Float32Array.of(value), target);
      return target[0] as number;
    };

    test("every value that is not NaN survives widening and narrowing", () => {
      const narrowed = new Uint16Array(65536);
      narrow(widened, narrowed);
      for (let bits = 0; bits < 65536; bits++) {
        if ((bits & 0x7fff) > infinity) expect(widened[bits]).toBeNaN();
        else expect(narrowed[bits]).toBe(bits);
      }
    });

    test("narrowing picks the nearest value, the even one of two equally near", () => {
      fc.assert(
        fc.property(fc.float({ noNaN: true, min: -60000, max: 60000 }), (value) => {
          const bits = narrowOne(value);
          const distance = (other: number) => Math.abs((widened[other] as number) - value);
          const magnitude = bits & 0x7fff;
          for (const neighbour of [magnitude - 1, magnitude + 1]) {
            if (neighbour < 0 || neighbour >= infinity) continue;
            const other = (bits & 0x8000) | neighbour;
            expect(distance(bits)).toBeLessThanOrEqual(distance(other));
            if (distance(bits) === distance(other)) expect(bits % 2).toBe(0);
          }
        }),
        { numRuns: 2000 },
      );
    });

    test("NaN stays NaN, infinities stay, and zero keeps its sign", () => {
      expect(widened[narrowOne(Number.NaN)]).toBeNaN();
      expect(widened[narrowOne(Number.POSITIVE_INFINITY)]).toBe(Number.POSITIVE_INFINITY);
      expect(widened[narrowOne(Number.NEGATIVE_INFINITY)]).toBe(Number.NEGATIVE_INFINITY);
      expect(narrowOne(-0)).toBe(0x8000);
    });

    test("a target of another length is refused", () => {
      expect(() => narrow(new Float32Array(2), new Uint16Array(3))).toThrow(RangeError);
      expect(() => widen(new Uint16Array(2), new Float32Array(3))).toThrow(RangeError);
    });
  });
}

test("known float16 bits", () => {
  const target = new Uint16Array(6);
  narrowToFloat16(Float32Array.of(1, -2, 65504, 65519.99, 65520, 2 ** -24), target);
  expect([...target]).toEqual([0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 1]);
});

test("known float16 values", () => {
  const target = new Float32Array(6);
  widenFloat16(Uint16Array.of(0x3c00, 0xc001, 0x7bff, 0x0400, 0x8001, 0x03ff), target);
  expect([...target]).toEqual([1, -2 - 2 ** -9, 65504, 2 ** -14, -(2 ** -24), 1023 * 2 ** -24]);
});

test("known bfloat16 bits: ties go to the even neighbour", () => {
  const target = new Uint16Array(4);
  narrowToBfloat16(Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38), target);
  expect([...target]).toEqual([0x3f80, 0x3f80, 0x3f82, 0x7f80]);
});

test("as float32, numbers are themselves and bfloat16 bits are widened into the buffer", () => {
  const buffer = new Float32Array(3);
  const values = Float32Array.of(1);
  expect(asFloat32(values, buffer)).toBe(values);
  const widened = asFloat32(Uint16Array.of(0x3fc0, 0xc000), buffer);
  expect([...widened]).toEqual([1.5, -2]);
  expect(widened.buffer).toBe(buffer.buffer);
});

describe("widening bfloat16", () => {
  test.each([0, 1, 2, 5])("gives every one of %i weights, at any multiple of two bytes", (length) => {
    const stored = Uint16Array.from({ length: length + 1 }, (_, index) => 0x3f80 + index);
    for (const start of [0, 1]) {
      const target = new Float32Array(length);
      widenBfloat16(stored.subarray(start, start + length), target);
      expect([...target]).toEqual(Array.from({ length }, (_, index) => 1 + (index + start) / 128));
    }
  });

  test("keeps signs, zeros and the largest", () => {
    const target = new Float32Array(4);
    widenBfloat16(Uint16Array.of(0xbf80, 0x8000, 0x7f7f, 0x0001), target);
    expect([...target]).toEqual([-1, -0, 255 * 2 ** 120, 2 ** -133]);
  });
});

test("the first value that is not finite is found, in float32 and in bfloat16", () => {
  expect(nonFiniteIndex(Float32Array.of(1, -3e38, 0))).toBeUndefined();
  expect(nonFiniteIndex(Float32Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY))).toBe(1);
  expect(nonFiniteIndex(Uint16Array.of(0x3f80, 0xff7f, 0))).toBeUndefined();
  expect(nonFiniteIndex(Uint16Array.of(0x3f80, 0x7fc0))).toBe(1);
  expect(nonFiniteIndex(Uint16Array.of(0xff80, 0))).toBe(0);
});

test("the first value that is not finite is found wherever it is, also among the largest that there are", () => {
  const value = fc.oneof({ weight: 20, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) }, fc.float());
  fc.assert(
    fc.property(fc.float32Array({ noNaN: true, noDefaultInfinity: true }), fc.array(value), (finite, any) => {
      expect(nonFiniteIndex(finite)).toBeUndefined();
      const index = any.findIndex((each) => !Number.isFinite(each));
      expect(nonFiniteIndex(Float32Array.from(any)) ?? -1).toBe(index);
    }),
  );
});
