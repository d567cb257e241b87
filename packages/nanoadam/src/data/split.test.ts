import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { shuffledIndices } from "./shuffle.js";
import { splitHeldOut } from "./split.js";

/** A data set of examples of the given classes; unless it is stratified it does not know them. */
const labelled = (labels: readonly number[], { stratified }: { readonly stratified: boolean }) => ({
  length: labels.length,
  ...(stratified ? { classOf: (index: number) => labels[index] ?? Number.NaN } : {}),
});

describe("shuffled indices", () => {
  test("are a permutation that depends on seed, site and step alone", () => {
    const order = shuffledIndices(100, 1, 2, 3);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(shuffledIndices(100, 1, 2, 3)).toEqual(order);
    for (const other of [shuffledIndices(100, 2, 2, 3), shuffledIndices(100, 1, 3, 3), shuffledIndices(100, 1, 2, 4)]) {
      expect(other).not.toEqual(order);
    }
  });

  test("put every item in every place about equally often", () => {
    const counts = new Float64Array(25);
    for (let seed = 0; seed < 5000; seed++) {
      for (const [place, item] of shuffledIndices(5, seed, 0).entries()) {
        counts[place * 5 + item] = (counts[place * 5 + item] ?? 0) + 1;
      }
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(45);
  });
});

describe("a held-out part", () => {
  test("has the share asked for and, stratified, the classes in proportion", () => {
    const labels = Array.from({ length: 1000 }, (_, index) => (index % 10 === 0 ? 1 : 0));
    const examples = labelled(labels, { stratified: true });
    const { train, heldOut } = splitHeldOut(examples, 0.2, 7);
    expect([train.length, heldOut.length]).toEqual([800, 200]);
    expect(heldOut.filter((index) => labels[index] === 1)).toHaveLength(20);
    expect(splitHeldOut(examples, 0.2, 7).heldOut).toEqual(heldOut);
    expect(splitHeldOut(examples, 0.2, 8).heldOut).not.toEqual(heldOut);
  });

  test("together with the rest is the whole, in order, and every class stays in training", () => {
    const anyLabels = fc.array(fc.nat(3), { minLength: 2, maxLength: 60 });
    fc.assert(
      fc.property(
        anyLabels,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.boolean(),
        (labels, share, stratified) => {
          const ascending = (indices: readonly number[]) => [...indices].sort((a, b) => a - b);
          try {
            const { train, heldOut } = splitHeldOut(labelled(labels, { stratified }), share, 1);
            expect(ascending([...train, ...heldOut])).toEqual(labels.map((_, index) => index));
            for (const part of [train, heldOut]) {
              expect(part.length).toBeGreaterThan(0);
              expect(part).toEqual(ascending(part));
            }
            expect(heldOut.length).toBeLessThanOrEqual(Math.round(labels.length * share));
            if (stratified) expect(new Set(train.map((index) => labels[index]))).toEqual(new Set(labels));
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        },
      ),
    );
  });

  test("is refused where a part would be empty, or the share is none", () => {
    expect(() => splitHeldOut(labelled([0, 0, 0], { stratified: false }), 0.01, 1)).toThrow(
      /3 examples with a held-out share of 0\.01 give 3 to train on and 0 held out, expected at least one each/,
    );
    expect(() => splitHeldOut(labelled([0, 1], { stratified: true }), 0.1, 1)).toThrow(
      /2 examples with a held-out share of 0\.1 give 2 to train on and 0 held out/,
    );
    expect(() => splitHeldOut(labelled([0], { stratified: false }), 0.5, 1)).toThrow(InputError);
    for (const share of [0, 1, -1, Number.NaN]) {
      expect(() => splitHeldOut(labelled([0, 0, 0], { stratified: true }), share, 1)).toThrow(/The held-out share is/);
    }
  });
});
