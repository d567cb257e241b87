import { selectSmallest } from "@nanoadam/optim";
import fc from "fast-check";
import { expect, test } from "vitest";
import { directRelation, expectClose } from "../testing/direct-measures.js";
import { type Pair, pair } from "../testing/random-entries.js";
import { type Entries, type Relation, relationOf } from "./relation.js";
import { WholeRelationBuilder, wholeGradientShares } from "./whole-relation.js";

const select = ({ weights, gradient }: Pair): Entries => ({
  weights,
  gradient,
  selection: selectSmallest(weights, { density: 0.1, chunkSize: 64 }),
});

test("of one tensor or several they are what sorting gives", () => {
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 3 }), (pairs) => {
      const tensors = pairs.map(select);
      const found = relationOf(tensors);
      const keys = Object.keys(directRelation(tensors)) as (keyof Relation)[];
      for (const key of keys) expectClose(found[key], directRelation(tensors)[key]);
    }),
  );
});

test("of the whole, taken as tensors come, too; the ratio between two bounds that are mostly equal", () => {
  let [sure, all] = [0, 0];
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 6 }), (pairs) => {
      const tensors = pairs.map(select);
      const whole = new WholeRelationBuilder(pairs.reduce((sum, { weights }) => sum + weights.length, 0));
      for (const tensor of tensors) whole.add(tensor);
      const { amongSmallGradientsAtLeast: least, ...found } = whole.finish(() => pairs.map(({ weights }) => weights));
      const expected = directRelation(tensors, wholeGradientShares);
      for (const key of ["overlap", "caught", "caughtSquares", "squares"] as const)
        expectClose(found[key], expected[key]);
      // Where every gradient is 0 there are no largest ones, and nothing to bound.
      if (expected.squares === 0)
        return expectClose({ ...found.ratio, least }, { ...expected.ratio, least: Number.NaN });
      expect(found.ratio.atLargestGradients).toBe(expected.ratio.atLargestGradients);
      expect(expected.ratio.amongSmallGradients).toBeLessThanOrEqual(found.ratio.amongSmallGradients);
      expect(expected.ratio.amongSmallGradients).toBeGreaterThanOrEqual(least);
      all++;
      if (found.ratio.amongSmallGradients === expected.ratio.amongSmallGradients) sure++;
    }),
  );
  expect(sure / all).toBeGreaterThan(0.6);
});

test("of a whole with more entries than are kept, the largest gradients are found wherever they come", () => {
  const length = 4_000;
  const tensors = Array.from({ length: 5 }, (_, tensor) => {
    const weights = Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + tensor) * 10 ** Math.sin(i * 0.37));
    const gradient = Float32Array.from({ length }, (_, i) => Math.cos(i * 2.3 + tensor * 5) ** 9 * (tensor + 1));
    return select({ weights, gradient });
  });
  const whole = new WholeRelationBuilder(5 * length);
  for (const tensor of tensors) whole.add(tensor);
  const found = whole.finish(() => tensors.map(({ weights }) => weights));
  const expected = directRelation(tensors, wholeGradientShares);
  expectClose(found.overlap, expected.overlap);
  expectClose(found.caught, expected.caught);
  expectClose(found.ratio.atLargestGradients, expected.ratio.atLargestGradients);
  // So many are counted, where few are sorted.
  const [together, sorted] = [relationOf(tensors), directRelation(tensors)];
  for (const key of Object.keys(sorted) as (keyof Relation)[]) expectClose(together[key], sorted[key]);
});

test("gradients that have nothing to do with weights lie on the smallest by their share, hyperbolic ones wholly", () => {
  const length = 100_000;
  const weights = Float32Array.from({ length }, (_, i) => ((i * 7919) % length) / length + 1e-6);
  const unrelated = select({
    weights,
    gradient: Float32Array.from({ length }, (_, i) => ((i * 104_729) % 99_991) + 1),
  });
  const hyperbolic = select({ weights, gradient: weights.map((weight) => 1e-3 / weight) });
  const chance = relationOf([unrelated]);
  expect(chance.overlap[3]?.[2]).toBeCloseTo(0.1, 1);
  expect(chance.ratio.value / chance.ratio.byChance).toBeGreaterThan(0.3);
  const strong = relationOf([hyperbolic]);
  expect(strong.overlap[2]).toEqual([1, 1, 1, 1, 1, 1]);
  expect(strong.ratio.value / strong.ratio.byChance).toBeLessThan(0.01);
});

test("a gradient that is not finite is refused", () => {
  const bad = { weights: Float32Array.of(1, 2), gradient: Float32Array.of(1, Number.NaN) };
  expect(() => relationOf([select(bad)])).toThrow(RangeError);
});
