import fc from "fast-check";
import { expect, test } from "vitest";
import { InputError, shown } from "./errors.js";

test("a message is one line of at most 500 characters, whatever it names", () => {
  const long = "x".repeat(1_000_000);
  const { message } = new InputError(`a.json: field is "${long}\n", expected a number`);
  expect(message.length).toBeLessThan(500);
  expect(message).toMatch(/^a\.json: field is "x+ … x+ ", expected a number$/);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(new InputError(text).message).toMatch(/^[^\p{Cc}\u2028\u2029]*$/u);
    }),
  );
  expect(new InputError(message).message).toBe(message);
});

test("values are shown as JSON so far as they are short", () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string({ maxLength: 20 })), (value) => {
      expect(shown(value)).toBe(excerptOf(JSON.stringify(value)));
    }),
  );
  expect(shown([1, "a", { b: [2] }])).toBe('[1,"a",{"b":[2]}]');
  expect(shown(undefined)).toBe("missing");
  expect(shown(Number.NaN)).toBe("NaN");
});

/** Blanks of all kinds are one blank in a message. */
function excerptOf(text: string): string {
  const flat = text.replace(/\s/g, " ");
  return flat.length > 80 ? `${flat.slice(0, 80)}…` : flat;
}

test("values of any depth and length, in circles, and of no JSON are shown too", () => {
  const circle: unknown[] = [];
  circle.push(circle, { circle });
  let deep: unknown = 0;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  for (const value of [circle, deep, "x".repeat(1e6), Array(1e6).fill("x"), 10n ** 5000n, Symbol("s"), () => 0]) {
    expect(shown(value).length).toBeLessThan(90);
  }
  expect(shown(7n)).toBe("7");
  expect(shown(deep)).toBe("[[[[…]]]]");
});
