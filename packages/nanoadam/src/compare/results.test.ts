import { describe, expect, test } from "vitest";
import { finished } from "../testing/simulated-runs.js";
import { metricOf } from "./metric.js";
import { optimizerResult } from "./results.js";
import type { RunResult } from "./run-result.js";

const contestant = { name: "adamw", options: {}, learningRates: [1e-4, 1e-3] };
const run = (learningRate: number, seed: number, accuracy: number) =>
  finished({ optimizer: "adamw", learningRate, seed }, accuracy);
const failed = (learningRate: number, seed: number): RunResult => ({
  optimizer: "adamw",
  learningRate,
  seed,
  jobs: 1,
  failure: "the loss became NaN",
  diverged: true,
});
const accuracy = metricOf("classification");
const resultOf = (runs: RunResult[], metric = accuracy) => optimizerResult(contestant, runs, metric);

describe("a contestant's result", () => {
  test("has its best rate with mean and sample deviation over seeds, and mean figures of the same runs", () => {
    const { best, rates } = resultOf([run(1e-4, 0, 0.5), run(1e-3, 0, 0.6), run(1e-3, 2, 0.8), run(1e-3, 1, 0.7)]);
    expect(rates.map(({ score }) => score?.seeds)).toEqual([[0], [0, 1, 2]]);
    expect(best?.learningRate).toBe(1e-3);
    expect(best?.score.mean).toBeCloseTo(0.7, 12);
    expect(best?.score.deviation).toBeCloseTo(0.1, 12);
    expect(best?.optimizerStateBytes).toBeCloseTo(0.7e6, 4);
    expect(best?.peakRssBytes).toBeCloseTo(0.7e9, 4);
    expect(best?.stepMilliseconds).toBeCloseTo(70, 10);
    expect(best?.everChangedShare).toBeCloseTo(0.07, 12);
    expect(best?.meanShift).toBeCloseTo(1.4, 12);
  });

  test("has what was kept of what the base model knew, where the runs measured it", () => {
    const measured = (seed: number, before: number, final: number) => {
      const { summary, ...own } = run(1e-3, seed, 0.6);
      const figures = { task: "image-classification", before: { accuracy: before }, final: { accuracy: final } };
      return { ...own, summary: { ...summary, retained: figures } };
    };
    const { best } = resultOf([measured(0, 0.9, 0.8), measured(1, 0.9, 0.6)]);
    expect(best?.retained?.metric).toBe("accuracy");
    expect(best?.retained?.before).toBeCloseTo(0.9, 12);
    expect(best?.retained?.final).toBeCloseTo(0.7, 12);
    expect(resultOf([run(1e-3, 0, 0.6)]).best).not.toHaveProperty("retained");
  });

  test("has no deviation for one seed", () => {
    expect(resultOf([run(1e-4, 0, 0.5)]).best?.score).toEqual({ mean: 0.5, deviation: undefined, seeds: [0] });
  });

  test("keeps to the rate that the most seeds have a result of, were another luckier once", () => {
    expect(resultOf([run(1e-4, 0, 0.5), run(1e-4, 1, 0.4), run(1e-3, 0, 0.6)]).best?.learningRate).toBe(1e-4);
  });

  test("takes the lower of two rates that are as good", () => {
    expect(resultOf([run(1e-3, 0, 0.5), run(1e-4, 0, 0.5)]).best?.learningRate).toBe(1e-4);
  });

  test("ranks by a loss downwards", () => {
    const byLoss = metricOf("classification", "loss");
    const { best } = resultOf([run(1e-4, 0, 0.9), run(1e-3, 0, 0.5)], byLoss);
    expect(best?.learningRate).toBe(1e-4);
    expect(best?.score.mean).toBeCloseTo(0.1, 12);
  });

  test("counts failed runs as none", () => {
    const { best, rates } = resultOf([failed(1e-3, 0), run(1e-4, 0, 0.5), failed(1e-4, 1)]);
    expect(best).toMatchObject({ learningRate: 1e-4, score: { mean: 0.5, seeds: [0] } });
    expect(rates[1]?.score).toBeUndefined();
    expect(resultOf([failed(1e-3, 0), failed(1e-4, 0)]).best).toBeUndefined();
  });
});

test("each task has its usual metric, and refuses those of others", () => {
  expect(metricOf("classification")).toEqual({ name: "accuracy", better: "higher" });
  expect(metricOf("regression")).toEqual({ name: "pearson", better: "higher" });
  expect(metricOf("masked-lm")).toEqual({ name: "loss", better: "lower" });
  expect(() => metricOf("regression", "f1")).toThrow('`metric` is "f1", expected one of pearson, spearman, loss');
});
