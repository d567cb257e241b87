import { describe, expect, test } from "vitest";
import { lookingUp, widening } from "./widening.js";

describe("widening", () => {
  test.each([0, 1, 2, 5])("gives every one of %i weights", (length) => {
    const source = Uint16Array.from({ length }, (_, index) => 0x3f80 + index);
    const target = new Float32Array(length);
    widening(source, target)();
    expect([...target]).toEqual(Array.from({ length }, (_, index) => 1 + index / 128));
  });

  test("keeps signs, zeros and the largest, and reads the weights as they then are", () => {
    const source = Uint16Array.of(0xbf80, 0x8000, 0x7f7f, 0x0001);
    const target = new Float32Array(4);
    const widen = widening(source, target);
    widen();
    expect([...target]).toEqual([-1, -0, 255 * 2 ** 120, 2 ** -133]);
    source[0] = 0x4000;
    widen();
    expect(target[0]).toBe(2);
  });
});

describe("looking up", () => {
  const numbers = [1, 2, 3, 4, 5, 6];
  const tables = [
    ["float32", Float32Array.from(numbers)],
    ["bfloat16", Uint16Array.from([0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0])],
  ] as const;

  test.each(tables)("gives rows of a table in %s, repeated ones too", (_, table) => {
    const rows = Int32Array.of(2, 0, 2);
    const target = new Float32Array(6);
    const lookUp = lookingUp(table, rows, 2, target);
    lookUp();
    expect([...target]).toEqual([5, 6, 1, 2, 5, 6]);
    rows.set([1, 1, 0]);
    lookUp();
    expect([...target]).toEqual([3, 4, 3, 4, 1, 2]);
  });
});
