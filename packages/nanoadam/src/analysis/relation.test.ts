import { selectSmallest } from "@nanoadam/optim";
import fc from "fast-check";
import { expect, test } from "vitest";
import { directRelation, expectClose } from "../testing/direct-measures.js";
import { type Pair, pair } from "../testing/random-entries.js";
import { GradientFigures } from "./gradient-figures.js";
import { type Relation, withoutGradients } from "./relation.js";
import type { Entries } from "./tally.js";
import { type WholeRelation, wholeGradientShares } from "./whole-relation.js";

const select = ({ weights, gradient }: Pair): Entries => ({
  weights,
  gradient,
  selection: selectSmallest(weights, { density: 0.1, chunkSize: 64 }),
});

/** What a probe finds of tensors, which come in stages. */
function seen(stages: readonly (readonly Entries[])[]) {
  const all = stages.flat();
  const figures = new GradientFigures(all.reduce((sum, { weights }) => sum + weights.length, 0));
  for (const [stage, tensors] of stages.entries()) {
    figures.add(
      tensors.map((entries, place) => ({
        ...{ name: `${stage} ${place}`, entries, layer: `${stage}`, isInWhole: true },
      })),
    );
  }
  return {
    tensors: [...figures.tensors.values()].map(({ relation }) => relation),
    layers: [...figures.layers.values()].map(({ relation }) => relation),
    whole: figures.whole(() => all.map(({ weights }) => weights))?.relation as WholeRelation,
    squares: figures.squares,
  };
}

const relationOf = (tensors: readonly Entries[]) =>
  seen([tensors]).layers[0] ?? withoutGradients(0, wholeGradientShares);

/** Compared by name, as records come in any order. */
function expectSame(found: Relation | undefined, expected: Relation): void {
  for (const key of Object.keys(expected) as (keyof Relation)[]) expectClose(found?.[key], expected[key]);
}

test("of each tensor, and of a layer's together, they are what sorting gives", () => {
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 3 }), (pairs) => {
      const entries = pairs.map(select);
      const { tensors, layers, squares } = seen([entries]);
      for (const [place, tensor] of entries.entries()) expectSame(tensors[place], directRelation([tensor]));
      const together = directRelation(entries);
      expectSame(layers[0], together);
      expectClose(squares, together.squares);
    }),
  );
});

test("of the whole, taken as tensors come, too; the ratio between two bounds that are mostly equal", () => {
  let [sure, all] = [0, 0];
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 6 }), (pairs) => {
      const tensors = pairs.map(select);
      const { amongSmallGradientsAtLeast: least, ...found } = seen(tensors.map((tensor) => [tensor])).whole;
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
  const found = seen(tensors.map((tensor) => [tensor])).whole;
  const expected = directRelation(tensors, wholeGradientShares);
  expectClose(found.overlap, expected.overlap);
  expectClose(found.caught, expected.caught);
  expectClose(found.ratio.atLargestGradients, expected.ratio.atLargestGradients);
  // So many are counted, where few are sorted.
  expectSame(relationOf(tensors), directRelation(tensors));
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
