/** A chart of scores against learning rates, as SVG: a line for each contestant, rates on a logarithmic axis. */

import { escapeMarkup } from "../escape-markup.js";
import type { Comparison } from "./comparison.js";
import { formatRate } from "./learning-rates.js";
import type { Metric } from "./metric.js";
import type { OptimizerResult } from "./results.js";

const width = 640;
const plot = { left: 100, right: 616, top: 16, bottom: 336 } as const;
const legend = { top: 424, lineHeight: 28, columns: 2 } as const;

/** The chart's part of a page's style; lines have the page's colours `--series-0` to `--series-7`, text `--ink`. */
export const rateCurveStyle = `
.curve { width: 100%; max-width: ${width}px; height: auto; font: 13px system-ui, sans-serif; }
.curve text { fill: var(--ink); }
.curve .grid { stroke: var(--rule); }
.curve .line { fill: none; stroke: var(--series); stroke-width: 2; }
.curve .dashed { stroke-dasharray: 6 4; }
.curve .mark { fill: var(--series); }
@media (max-width: 40rem) { .curve { font-size: 20px; } }
${Array.from({ length: 8 }, (_, series) => `.curve .series-${series} { --series: var(--series-${series}); }`).join("\n")}
`;

/** The chart of a comparison; rates without a score have no mark. */
export function rateCurve({ metric, optimizers }: Comparison): string {
  const scored = optimizers.map(scoredRates);
  const tried = optimizers.flatMap(({ rates }) => rates);
  const shown = scored.flat().length === 0 ? tried : scored.flat();
  const values = scored.flat().flatMap(({ mean, deviation }) => [mean - deviation, mean + deviation]);
  const rateTicks = logarithmicTicks(shown.map(({ learningRate }) => learningRate));
  const valueTicks = linearTicks(values);
  const x = scaleBetween(rateTicks.map(Math.log10), plot.left, plot.right);
  const y = scaleBetween(valueTicks, plot.bottom, plot.top);
  const labelled = rateTicks.length > 8 ? rateTicks.filter((tick) => formatRate(tick).startsWith("1")) : rateTicks;

  const height = legend.top + legend.lineHeight * (Math.ceil(optimizers.length / legend.columns) - 0.5);
  return [
    `<svg class="curve" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="curve-title curve-description">`,
    `<title id="curve-title">${escapeMarkup(metric.name)} by learning rate</title>`,
    `<desc id="curve-description">${escapeMarkup(describe(optimizers))}</desc>`,
    ...labelled.map((tick) => rateLine(round(x(Math.log10(tick))), formatRate(tick))),
    ...valueTicks.map((tick) => valueLine(round(y(tick)), formatTick(tick, valueTicks))),
    ...axisLabels(metric),
    ...optimizers.map(({ optimizer }, index) =>
      series(
        index,
        (scored[index] ?? []).map(({ learningRate, mean, deviation }) => ({
          x: x(Math.log10(learningRate)),
          y: y(mean),
          low: y(mean - deviation),
          high: y(mean + deviation),
        })),
        optimizer,
      ),
    ),
    "</svg>",
  ].join("\n");
}

function rateLine(x: number, label: string): string {
  return `<path class="grid" d="M${x} ${plot.top}V${plot.bottom}"/><text x="${x}" y="${plot.bottom + 24}" text-anchor="middle">${label}</text>`;
}

function valueLine(y: number, label: string): string {
  return `<path class="grid" d="M${plot.left} ${y}H${plot.right}"/><text x="${plot.left - 8}" y="${y + 4}" text-anchor="end">${label}</text>`;
}

function axisLabels({ name, better }: Metric): string[] {
  const [x, y] = [(plot.left + plot.right) / 2, (plot.top + plot.bottom) / 2];
  return [
    `<text x="${x}" y="${plot.bottom + 54}" text-anchor="middle">learning rate (logarithmic)</text>`,
    `<text transform="translate(18 ${y}) rotate(-90)" text-anchor="middle">${escapeMarkup(name)} (${better} is better)</text>`,
  ];
}

interface ScoredRate {
  readonly learningRate: number;
  readonly mean: number;
  readonly deviation: number;
}

function scoredRates({ rates }: OptimizerResult): ScoredRate[] {
  return rates.flatMap(({ learningRate, score }) =>
    score === undefined ? [] : [{ learningRate, mean: score.mean, deviation: score.deviation ?? 0 }],
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
  /** Ends of the bar of one standard deviation. */
  readonly low: number;
  readonly high: number;
}

/** A contestant's line with its marks and its entry of the legend. */
function series(index: number, points: readonly Point[], name: string): string {
  const line = `class="line${index % 8 >= 4 ? " dashed" : ""}"`;
  const entry = {
    x: plot.left + ((index % legend.columns) * (plot.right - plot.left)) / legend.columns,
    y: legend.top + Math.floor(index / legend.columns) * legend.lineHeight,
  };
  const path = points.map(({ x, y }) => `${round(x)} ${round(y)}`).join("L");
  return [
    `<g class="series-${index % 8}">`,
    ...(points.length > 1 ? [`<path ${line} d="M${path}"/>`] : []),
    ...points.filter(({ low, high }) => low !== high).map(({ x, low, high }) => bar(x, low, high)),
    ...points.map(({ x, y }) => mark(index, x, y)),
    `<path ${line} d="M${entry.x} ${entry.y}h28"/>${mark(index, entry.x + 14, entry.y)}`,
    `<text x="${entry.x + 36}" y="${entry.y + 5}">${escapeMarkup(name)}</text>`,
    "</g>",
  ].join("");
}

function bar(x: number, low: number, high: number): string {
  return `<path class="line" d="M${round(x)} ${round(low)}V${round(high)}"/>`;
}

/** Marks differ in form too, for readers who see no difference in colour. */
function mark(index: number, x: number, y: number): string {
  const forms = [
    "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0",
    "m-4.5 -4.5h9v9h-9z",
    "m0 -6l6 10h-12z",
    "m0 -6l6 6l-6 6l-6 -6z",
  ];
  return `<path class="mark" d="M${round(x)} ${round(y)}${forms[index % forms.length]}z"/>`;
}

/** The lines in words, for those who hear the page. */
function describe(optimizers: readonly OptimizerResult[]): string {
  return optimizers
    .map((result) => {
      const points = scoredRates(result).map(
        ({ learningRate, mean }) => `${mean.toFixed(4)} at ${formatRate(learningRate)}`,
      );
      return `${result.optimizer}: ${points.length === 0 ? "no result" : points.join(", ")}.`;
    })
    .join(" ");
}

/** 1 and 3 times powers of ten, from below the lowest rate to above the highest. */
function logarithmicTicks(rates: readonly number[]): number[] {
  const lowest = Math.floor(Math.log10(Math.min(...rates)));
  const highest = Math.ceil(Math.log10(Math.max(...rates)));
  const ticks = Array.from({ length: highest - lowest + 1 }, (_, i) => [
    Number(`1e${lowest + i}`),
    Number(`3e${lowest + i}`),
  ]).flat();
  const first = ticks.findLastIndex((tick) => tick <= Math.min(...rates));
  const last = ticks.findIndex((tick) => tick >= Math.max(...rates));
  return ticks.slice(Math.max(0, first === last ? first - 1 : first), (first === last ? last + 1 : last) + 1);
}

/** Round numbers, five or so, from below the least value to above the greatest; 0 and 1 where there is none. */
function linearTicks(values: readonly number[]): number[] {
  const least = Math.min(...values);
  const greatest = Math.max(...values);
  if (values.length === 0) return [0, 1];
  const range = greatest - least || Math.abs(greatest) || 1;
  const power = 10 ** Math.floor(Math.log10(range / 5));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= range / 5) ?? 10);
  const first = Math.floor(least / step);
  const last = Math.max(first + 1, Math.ceil(greatest / step));
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** As many decimals as neighbouring ticks need to differ. */
function formatTick(tick: number, ticks: readonly number[]): string {
  const step = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  return tick.toFixed(Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
}

/** Takes the first of some ascending numbers to `from` and the last to `to`. */
function scaleBetween(numbers: readonly number[], from: number, to: number): (value: number) => number {
  const first = numbers[0] ?? 0;
  const last = numbers.at(-1) ?? 1;
  return (value) => from + ((value - first) / (last - first)) * (to - from);
}

function round(coordinate: number): number {
  return Math.round(coordinate * 10) / 10;
}
