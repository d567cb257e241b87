/** Verdicts on comparisons: whether the order that the paper has comes out. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";
import type { Judge } from "./finding.js";
import { comparedOptimizers, criteria, intervals, rates } from "./judge-comparison.js";

interface Contestant {
  readonly mean: number;
  readonly learningRate?: number;
  readonly state?: number;
  readonly milliseconds?: number;
  readonly changed?: number;
}

/** Which claims hold of a comparison with these contestants. */
async function verdicts(judge: Judge, contestants: Readonly<Record<string, Contestant>>, better = "higher") {
  const folder = await temporaryFolder();
  const optimizers = Object.entries(contestants).map(([optimizer, figures]) => ({
    optimizer,
    best: {
      learningRate: figures.learningRate ?? 1e-3,
      score: { mean: figures.mean, seeds: [0] },
      optimizerStateBytes: figures.state ?? 1,
      stepMilliseconds: figures.milliseconds ?? 1,
      everChangedShare: figures.changed ?? 1,
    },
  }));
  await writeFile(join(folder, "comparison.json"), JSON.stringify({ metric: { name: "score", better }, optimizers }));
  return (await judge([folder])).map(({ here, holds }) => [here, holds]);
}

test("small weights have to be the best, and random ones before large ones", async () => {
  const of = (small: number, random: number, large: number, gradient: number) => ({
    "nanoadam criterion=small": { mean: small },
    "nanoadam criterion=random": { mean: random },
    "nanoadam criterion=large": { mean: large },
    "nanoadam criterion=gradient": { mean: gradient },
  });
  expect(await verdicts(criteria, of(0.9, 0.8, 0.7, 0.85))).toEqual([
    ["90 %, 80 %, 70 %", true],
    ["90 %, 85 %", true],
  ]);
  const otherwise = (await verdicts(criteria, of(0.9, 0.7, 0.8, 0.9))).map(([, holds]) => holds);
  expect(otherwise).toEqual([false, false]);
  // A loss is better the lower it is.
  expect(await verdicts(criteria, of(0.1, 0.2, 0.3, 0.2), "lower")).toEqual([
    ["0.1, 0.2, 0.3", true],
    ["0.1, 0.2", true],
  ]);
});

test("neither the shortest nor the longest interval has to be the best", async () => {
  const of = (...means: number[]) =>
    Object.fromEntries(means.map((mean, place) => [`nanoadam mask-interval=${10 ** place}`, { mean }]));
  expect(await verdicts(intervals("mask-interval"), of(0.5, 0.6, 0.4))).toEqual([
    ["1: 50 %, 10: 60 %, 100: 40 %", true],
  ]);
  expect(await verdicts(intervals("mask-interval"), of(0.5, 0.4, 0.3))).toMatchObject([[expect.anything(), false]]);
});

test("NanoAdam's best rate has to be the highest", async () => {
  const of = (nanoadam: number) => ({
    nanoadam: { mean: 1, learningRate: nanoadam },
    adamw: { mean: 1, learningRate: 1e-3 },
    microadam: { mean: 1, learningRate: 1e-4 },
  });
  expect(await verdicts(rates, of(4e-3))).toEqual([["4e-3, 1e-3, 1e-4", true]]);
  expect(await verdicts(rates, of(1e-3))).toEqual([["1e-3, 1e-3, 1e-4", false]]);
});

test("NanoAdam has to be first, with the least state, slower, and to change few weights", async () => {
  const found = await verdicts(comparedOptimizers, {
    nanoadam: { mean: 0.8, state: 10, milliseconds: 5, changed: 0.17 },
    adamw: { mean: 0.9, state: 80, milliseconds: 9, changed: 0.9 },
    microadam: { mean: 0.7, state: 20, milliseconds: 9, changed: 0.95 },
  });
  expect(found.map(([, holds]) => holds)).toEqual([false, true, false, true]);
  expect(found[0]?.[0]).toBe("nanoadam 80 %, adamw 90 %, microadam 70 %");
});
