/** The comparison as people see it: Markdown, and a page with its chart. */
import { describe, expect, test } from "vitest";
import { finished } from "../testing/simulated-runs.js";
import { drawUp } from "./comparison.js";
import { rateCurve, stepCurves, variationCurves } from "./curves.js";
import { comparisonHtml } from "./html.js";
import { comparisonMarkdown } from "./markdown.js";
import { metricOf } from "./metric.js";
import type { RunResult } from "./run-result.js";
import { runName } from "./schedule.js";

function comparisonOf(runs: readonly RunResult[], learningRates = [1e-3, 1e-2]) {
  return drawUp({
    configuration: { model: "<bert>", train: "a&b.tsv", task: "classification" },
    metric: metricOf("classification"),
    schedule: {
      contestants: ["nanoadam", "adamw"].map((name) => ({ name, options: {}, learningRates })),
      seeds: 2,
      allSeeds: false,
    },
    planned: 6,
    results: new Map(runs.map((run) => [runName(run), run])),
  });
}

const failure = { failure: "the loss became NaN", diverged: true, jobs: 1 };
const halfWay = comparisonOf([
  finished({ optimizer: "nanoadam", learningRate: 1e-3, seed: 0 }, 0.5),
  finished({ optimizer: "nanoadam", learningRate: 1e-2, seed: 0 }, 0.6),
  finished({ optimizer: "nanoadam", learningRate: 1e-2, seed: 1 }, 0.8, 2),
  { optimizer: "adamw", learningRate: 1e-3, seed: 0, ...failure },
]);

test("Markdown has the contestants at their best, every rate, and what failed", () => {
  expect(comparisonMarkdown(halfWay)).toBe(`# Optimizers compared on <bert>

classification on a&b.tsv. Figures are of each optimizer's best learning rate, as means over up to 2 seeds; accuracy (higher is better) with its sample standard deviation. 4 of 6 runs so far. Up to 2 runs went at a time, so that step times contend.

| optimizer | accuracy | learning rate | seeds | optimizer state | peak memory (RSS) | ms a step | weights ever changed | mean l2 shift |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
| nanoadam | 0.7000 ± 0.1414 | 1e-2 | 2 | 700 kB | 700.0 MB | 70.0 | 7.0 % | 1.40 |
| adamw | – | – | – | – | – | – | – | – |

## Every learning rate

| optimizer | learning rate | accuracy | seeds |
|---|---:|---:|---:|
| nanoadam | 1e-3 | 0.5000 | 1 |
| nanoadam | 1e-2 | 0.7000 ± 0.1414 | 2 |
| adamw | 1e-3 | – | 0 |
| adamw | 1e-2 | – | 0 |

## Runs without a result

- adamw, learning rate 1e-3, seed 0: the loss became NaN
`);
});

describe("the page", () => {
  const page = comparisonHtml(halfWay);

  test("needs nothing from elsewhere, and knows light and dark", () => {
    expect(page).not.toMatch(/https?:|<script|<link|@import|url\(/);
    expect(page).toContain("color-scheme: light dark");
    expect(page).toContain("@media (prefers-color-scheme: dark)");
  });

  test("has the table and the failures, with names escaped", () => {
    expect(page).toContain("<h1>Optimizers compared on &#60;bert&#62;</h1>");
    expect(page).toContain(
      '<th scope="row">nanoadam</th><td data-heading="accuracy">0.7000 ± 0.1414</td><td data-heading="learning rate">1e-2</td>',
    );
    expect(page).toContain("<li>adamw, learning rate 1e-3, seed 0: the loss became NaN</li>");
  });

  test("fits narrow windows: nothing in it has a width of its own, and long names break", () => {
    expect(page).not.toMatch(/[^-]width: *\d+px|min-width|<table[^>]*width/);
    expect(page).toContain("overflow-wrap: anywhere");
    expect(page).toMatch(/@media \(max-width: 40rem\)[\s\S]+display: block/);
    expect(page).toMatch(/<svg class="curve" viewBox="[^"]+" role/);
  });

  test("closes every element that it opens", () => {
    const open: string[] = [];
    const body = page.slice(page.indexOf("<body>"), page.indexOf("</html>"));
    for (const [, closing, name = "", rest = ""] of body.matchAll(/<(\/?)([a-z]\w*)([^>]*)>/g)) {
      if (closing === "/") expect(open.pop() ?? "").toBe(name);
      else if (!rest.endsWith("/")) open.push(name);
    }
    expect(open).toEqual([]);
  });
});

describe("the chart", () => {
  const chart = rateCurve(halfWay);

  test("is told in words, and names its axes and lines", () => {
    expect(chart).toContain("<title>accuracy by learning rate</title>");
    expect(chart).toContain(">nanoadam: 0.5000 at 1e-3, 0.7000 at 1e-2. adamw: no result.</desc>");
    expect(chart).toContain(">accuracy (higher is better)</text>");
    expect(chart).toContain(">learning rate (logarithmic)</text>");
    for (const name of ["nanoadam", "adamw"]) expect(chart).toContain(`>${name}</text>`);
  });

  test("has rates at equal ratios equally far apart, and better values higher up", () => {
    const even = rateCurve(
      comparisonOf(
        [1e-4, 1e-3, 1e-2].map((learningRate, i) =>
          finished({ optimizer: "adamw", learningRate, seed: 0 }, 0.2 + 0.2 * i),
        ),
        [1e-4, 1e-3, 1e-2],
      ),
    );
    const [, path = ""] = /<g class="series-1"><path class="line" d="M([^"]+)"/.exec(even) ?? [];
    const points = path.split("L").map((point) => point.split(" ").map(Number) as [number, number]);
    const [a = [0, 0], b = [0, 0], c = [0, 0]] = points;
    expect(points).toHaveLength(3);
    expect(b[0] - a[0]).toBeCloseTo(c[0] - b[0], 5);
    expect(b[0]).toBeGreaterThan(a[0]);
    expect(b[1] - a[1]).toBeCloseTo(c[1] - b[1], 0);
    expect(b[1]).toBeLessThan(a[1]);
  });

  test.each<[string, readonly RunResult[], number[]]>([
    ["nothing yet", [], [1e-3]],
    ["a single run", [finished({ optimizer: "adamw", learningRate: 1e-3, seed: 0 }, 0.5)], [1e-3]],
    ["an accuracy of 0", [finished({ optimizer: "adamw", learningRate: 4e-4, seed: 0 }, 0)], [4e-4]],
    [
      "rates far apart",
      [1e-9, 1].map((learningRate) => finished({ optimizer: "adamw", learningRate, seed: 0 }, 0.5)),
      [1e-9, 1],
    ],
  ])("can be drawn of %s", (_, runs, learningRates) => {
    const drawn = rateCurve(comparisonOf(runs, learningRates));
    expect(drawn).not.toMatch(/NaN|Infinity|undefined/);
    expect(drawn.match(/y="360" text-anchor="middle"/g)?.length).toBeGreaterThan(1);
  });
});

describe("a comparison of an option's values", () => {
  const values = [0.01, 0.1];
  const contestants = values.map((density) => ({
    name: `nanoadam density=${density}`,
    options: {},
    variation: { density },
    learningRates: [1e-3],
  }));
  const history = (accuracy: number) => ({
    losses: [5, 10].map((step) => ({ step, loss: 1 / step })),
    evaluations: [5, 10].map((step) => ({ step, figures: { accuracy: accuracy * step } })),
  });
  const runs = contestants.flatMap(({ name }, index) =>
    [0, 1].map((seed) => ({
      ...finished({ optimizer: name, learningRate: 1e-3, seed }, 0.5 + index / 10 + seed / 100),
      history: history(0.01 + seed / 100),
    })),
  );
  const comparison = drawUp({
    configuration: { model: "bert", train: "a.tsv", task: "classification" },
    metric: metricOf("classification"),
    schedule: { contestants, seeds: 2, allSeeds: false },
    planned: 4,
    results: new Map(runs.map((run) => [runName(run), run])),
  });

  test("draws the score by a number, a line for those that differ only in it", () => {
    const [curve, ...others] = variationCurves(comparison);
    expect(others).toEqual([]);
    expect(curve?.title).toBe("By density");
    expect(curve?.svg).toContain("<desc>nanoadam: 0.5050 at 0.01, 0.6050 at 0.1.</desc>");
    expect(curve?.svg).toContain(">density (logarithmic)</text>");
  });

  test("draws score and loss over the steps, as means over the seeds", () => {
    const [score, loss] = stepCurves(comparison);
    expect(score?.title).toBe("accuracy over the steps");
    expect(score?.svg).toContain("nanoadam density=0.1: 0.0750 at 5, 0.1500 at 10.");
    expect(loss?.title).toBe("Training loss over the steps");
    expect(comparisonHtml(comparison)).toContain("<h2>By density</h2>");
  });

  test("has no chart of an option whose values are names", () => {
    const named = comparison.optimizers.map((result, index) => ({ ...result, variation: { criterion: `c${index}` } }));
    expect(variationCurves({ ...comparison, optimizers: named })).toEqual([]);
  });
});
