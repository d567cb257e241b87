import { formatBytes, formatShare } from "../format.js";
import type { Table } from "../markdown-table.js";
import type { Comparison } from "./comparison.js";
import { formatRate } from "./learning-rates.js";
import type { BestResult, OptimizerResult, Score } from "./results.js";

/** Each contestant at its best rate. */
export function contestantsTable({ metric, optimizers }: Comparison): Table {
  const columns: readonly [heading: string, cell: (best: BestResult) => string][] = [
    [metric.name, ({ score }) => formatScore(score)],
    ["learning rate", ({ learningRate }) => formatRate(learningRate)],
    ["seeds", ({ score }) => String(score.seeds.length)],
    ["optimizer state", ({ optimizerStateBytes }) => formatBytes(optimizerStateBytes)],
    ["peak memory (RSS)", ({ peakRssBytes }) => formatBytes(peakRssBytes)],
    ["ms a step", ({ stepMilliseconds }) => stepMilliseconds.toFixed(1)],
    ["weights ever changed", ({ everChangedShare }) => formatShare(everChangedShare)],
    ["mean l2 shift", ({ meanShift }) => meanShift.toPrecision(3)],
    ...retainedColumn(optimizers),
  ];
  const row = ({ optimizer, best }: OptimizerResult) => [
    optimizer,
    ...columns.map(([, cell]) => (best === undefined ? noFigure : cell(best))),
  ];
  return { headings: ["optimizer", ...columns.map(([heading]) => heading)], rows: optimizers.map(row) };
}

/** What was kept of what the base model knew, where runs measured it. */
function retainedColumn(
  optimizers: readonly OptimizerResult[],
): [heading: string, cell: (best: BestResult) => string][] {
  const measured = optimizers.flatMap(({ best }) => (best?.retained === undefined ? [] : [best.retained]));
  const [first] = measured;
  if (first === undefined) return [];
  const cell = ({ retained }: BestResult) =>
    retained === undefined ? noFigure : `${retained.final.toFixed(4)} (${retained.before.toFixed(4)} before)`;
  return [[`retained ${first.metric}`, cell]];
}

/** Each contestant at every rate. */
export function ratesTable({ metric, optimizers }: Comparison): Table {
  return {
    headings: ["optimizer", "learning rate", metric.name, "seeds"],
    rows: optimizers.flatMap(({ optimizer, rates }) =>
      rates.map(({ learningRate, score }) => [
        optimizer,
        formatRate(learningRate),
        score === undefined ? noFigure : formatScore(score),
        String(score?.seeds.length ?? 0),
      ]),
    ),
  };
}

const noFigure = "–";

/** "0.8123 ± 0.0041", or the mean alone where one seed has a result. */
function formatScore({ mean, deviation }: Score): string {
  return deviation === undefined ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${deviation.toFixed(4)}`;
}
