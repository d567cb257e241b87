import { formatBytes, formatShare } from "../format.js";
import { formatRate } from "./learning-rates.js";
import type { Metric } from "./metric.js";
import type { OptimizerResult, Score } from "./results.js";

/** A column of the table of contestants. */
export interface Column {
  readonly heading: string;
  cell(result: OptimizerResult): string;
}

/** "0.8123 ± 0.0041", or the mean alone where one seed has a result. */
export function formatScore({ mean, deviation }: Score): string {
  return deviation === undefined ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${deviation.toFixed(4)}`;
}

/** The table's columns; the first names the contestant, the others are numbers of its best rate. */
export function comparisonColumns(metric: Metric): readonly [Column, ...Column[]] {
  return [
    { heading: "optimizer", cell: ({ optimizer }) => optimizer },
    ofBest(metric.name, ({ score }) => formatScore(score)),
    ofBest("learning rate", ({ learningRate }) => formatRate(learningRate)),
    ofBest("seeds", ({ score }) => String(score.seeds.length)),
    ofBest("optimizer state", ({ optimizerStateBytes }) => formatBytes(optimizerStateBytes)),
    ofBest("peak memory (RSS)", ({ peakRssBytes }) => formatBytes(peakRssBytes)),
    ofBest("ms a step", ({ stepMilliseconds }) => stepMilliseconds.toFixed(1)),
    ofBest("weights ever changed", ({ everChangedShare }) => formatShare(everChangedShare)),
    ofBest("mean l2 shift", ({ meanShift }) => meanShift.toPrecision(3)),
  ];
}

function ofBest(heading: string, format: (best: NonNullable<OptimizerResult["best"]>) => string): Column {
  return { heading, cell: ({ best }) => (best === undefined ? "–" : format(best)) };
}
