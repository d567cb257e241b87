/** The tables and the picture, from runs that are made up. */
import { expect, test } from "vitest";
import { bestSettings, missingCells, plannedRuns, settingsOf } from "./figures.js";
import { tradeOff } from "./picture.js";
import type { RunResult } from "./runs.js";
import { cellsOf, nameOf, type Study } from "./studies.js";
import { resultsPage } from "./tables.js";

const study: Study = {
  name: "two",
  description: "One, then another.",
  input: { model: "model", tasks: [] },
  contestants: [
    { name: "nanoadam 0.1 %", options: {}, learningRates: [1e-3, 1e-2] },
    { name: "adamw", options: {}, learningRates: [1e-4] },
  ],
  first: "old",
  second: { task: "new", metric: "matthews" },
};

/** `lost` of the first task's 0.9, and `second` learned. */
function result(optimizer: string, learningRate: number, seed: number, lost: number, second: number): RunResult {
  const evaluation = (accuracy: number, matthews: number) => ({ loss: 1, accuracy, matthews });
  const task = { task: "classification", metric: "accuracy", better: "higher" as const };
  return {
    ...{ study: "two", optimizer, learningRate, seed, seconds: 1, processorSeconds: 1 },
    report: {
      tasks: [
        { ...task, name: "old", isKnown: true, learned: 0.9, last: 0.9 - lost, lost },
        { ...task, name: "new", isKnown: false, learned: 0.5, last: 0.5 },
      ],
      rows: [
        { after: null, evaluations: [evaluation(0.9, 0.8), null], figures: [0.9, null] },
        {
          after: "new",
          evaluations: [evaluation(0.9 - lost, 0.8), evaluation(0.5, second)],
          figures: [0.9 - lost, 0.5],
        },
      ],
      shifts: [{ after: "new", mean: 0.25, overall: 2, changedShare: 0.1, layers: {} }],
    },
  };
}

const results = [
  result("nanoadam 0.1 %", 1e-3, 0, 0.1, 0.3),
  result("nanoadam 0.1 %", 1e-3, 1, 0.2, 0.5),
  result("nanoadam 0.1 %", 1e-2, 0, 0.4, 0.6),
  {
    ...result("nanoadam 0.1 %", 1e-2, 1, 0, 0),
    report: undefined,
    diverged: "the loss became NaN",
  } as unknown as RunResult,
];

test("figures are means over seeds, by the metric of the study, and the best rate is one at which nothing diverged", () => {
  const settings = settingsOf(study, results);
  expect(settings.map(({ learningRate, runs, diverged }) => [learningRate, runs, diverged])).toEqual([
    [1e-3, 2, 0],
    [1e-2, 2, 1],
  ]);
  const [best, ...others] = bestSettings(study, results);
  expect(others).toEqual([]);
  expect(best?.learningRate).toBe(1e-3);
  expect(best?.figures?.second.mean).toBeCloseTo(0.4, 12);
  expect(best?.figures?.second.deviation).toBeCloseTo(Math.SQRT1_2 / 5, 12);
  expect(best?.figures?.lost.mean).toBeCloseTo(0.15, 12);
  expect(best?.figures?.average.mean).toBeCloseTo((0.75 + 0.4) / 2, 12);
});

test("the page has the best rates and all of them, and says what is missing", () => {
  const page = resultsPage([study], () => results);
  expect(page).toContain("4 runs so far, of the 7 that are wanted.");
  expect(page).toContain(
    "| nanoadam 0.1 % | 1e-3 | 2 | 90.0 ± 0.0 | 40.0 ± 14.1 | 75.0 ± 7.1 | 57.5 ± 3.5 | 15.0 ± 7.1 | 0.250",
  );
  expect(page).toContain("| 2, 1 diverged |");
  expect(resultsPage([study], () => [])).toContain("Not run yet.");
});

test("the picture has a mark for each rate, and none is needed", () => {
  expect(tradeOff(study, results).match(/<title>/g)).toHaveLength(2);
  expect(tradeOff(study, [])).toContain("adamw");
});

test("every rate is wanted with the first seed, and the best of an optimizer's with the others", () => {
  const named = (found: readonly RunResult[]) => missingCells(study, found).map(nameOf);
  expect(named([])).toEqual(["nanoadam-0.1-1e-3-0", "nanoadam-0.1-1e-2-0", "adamw-1e-4-0"]);
  expect(named(results)).toEqual(["adamw-1e-4-0", "nanoadam-0.1-1e-3-2"]);
  const all = [
    ...results,
    result("nanoadam 0.1 %", 1e-3, 2, 0, 0),
    ...[0, 1, 2].map((s) => result("adamw", 1e-4, s, 0, 0)),
  ];
  expect(named(all)).toEqual([]);
  expect(plannedRuns(study)).toBe(7);
});

test("every run has a name of its own", () => {
  const names = cellsOf(study).map(nameOf);
  expect(new Set(names).size).toBe(9);
  expect(names.slice(0, 3)).toEqual(["nanoadam-0.1-1e-3-0", "nanoadam-0.1-1e-2-0", "adamw-1e-4-0"]);
});
