/** A chart of scores, as SVG: a line for each contestant over a number that was tried, or over steps. */

import { escapeMarkup } from "../escape-markup.js";
import type { Metric } from "./metric.js";

/** A score at a place of the axis. */
export interface ScoredPoint {
  readonly at: number;
  readonly mean: number;
  /** One standard deviation; 0 for one seed. */
  readonly deviation: number;
}

export interface ScoreLine {
  readonly name: string;
  readonly points: readonly ScoredPoint[];
}

export interface ScoreAxis {
  /** What was tried. */
  readonly name: string;
  /** The places that were tried, for the axis of a chart that has no score yet. */
  readonly tried: readonly number[];
  readonly isLogarithmic: boolean;
  readonly format: (place: number) => string;
}

const width = 640;
const plot = { left: 100, right: 616, top: 16, bottom: 336 } as const;
const legend = { top: 424, lineHeight: 28, columns: 2 } as const;

/** The chart's part of a page's style; lines have the page's colours `--series-0` to `--series-7`, text `--ink`. */
export const scoreCurveStyle = `
.curve { width: 100%; max-width: ${width}px; height: auto; font: 13px system-ui, sans-serif; }
.curve text { fill: var(--ink); }
.curve .grid { stroke: var(--rule); }
.curve .line { fill: none; stroke: var(--series); stroke-width: 2; }
.curve .dashed { stroke-dasharray: 6 4; }
.curve .mark { fill: var(--series); }
@media (max-width: 40rem) { .curve { font-size: 20px; } }
${Array.from({ length: 8 }, (_, series) => `.curve .series-${series} { --series: var(--series-${series}); }`).join("\n")}
`;

/** The chart of some lines; what has no score has no mark. */
export function scoreCurve(metric: Metric, axis: ScoreAxis, lines: readonly ScoreLine[]): string {
  const points = lines.flatMap((line) => line.points);
  const places = points.length === 0 ? axis.tried : points.map(({ at }) => at);
  const values = points.flatMap(({ mean, deviation }) => [mean - deviation, mean + deviation]);
  const place = axis.isLogarithmic ? Math.log10 : (at: number) => at;
  const ticks = axis.isLogarithmic ? logarithmicTicks(places) : linearTicks(places);
  const valueTicks = linearTicks(values);
  const x = scaleBetween(ticks.map(place), plot.left, plot.right);
  const y = scaleBetween(valueTicks, plot.bottom, plot.top);
  const labelled =
    axis.isLogarithmic && ticks.length > 8 ? ticks.filter((tick) => /^1/.test(tick.toExponential())) : ticks;

  const entries = placeEntries(lines.map(({ name }) => name));
  return [
    `<svg class="curve" viewBox="0 0 ${width} ${entries.height}" role="img">`,
    `<title>${escapeMarkup(`${metric.name} by ${axis.name}`)}</title>`,
    `<desc>${escapeMarkup(describe(axis, lines))}</desc>`,
    ...labelled.map((tick) => placeLine(round(x(place(tick))), axis.format(tick))),
    ...valueTicks.map((tick) => valueLine(round(y(tick)), formatTick(tick, valueTicks))),
    ...axisLabels(metric, axis),
    ...lines.map(({ name, points: own }, index) =>
      series(
        index,
        own.map(({ at, mean, deviation }) => ({
          x: x(place(at)),
          y: y(mean),
          low: y(mean - deviation),
          high: y(mean + deviation),
        })),
        { name, ...(entries.places[index] ?? { x: 0, y: 0 }) },
      ),
    ),
    "</svg>",
  ].join("\n");
}

/** Where the legend's entries stand; long names have a line each. */
function placeEntries(names: readonly string[]) {
  const columns = names.some((name) => name.length > 24) ? 1 : legend.columns;
  const places = names.map((_, index) => ({
    x: plot.left + ((index % columns) * (plot.right - plot.left)) / columns,
    y: legend.top + Math.floor(index / columns) * legend.lineHeight,
  }));
  return { places, height: legend.top + legend.lineHeight * (Math.ceil(names.length / columns) - 0.5) };
}

function placeLine(x: number, label: string): string {
  return `<path class="grid" d="M${x} ${plot.top}V${plot.bottom}"/><text x="${x}" y="${plot.bottom + 24}" text-anchor="middle">${label}</text>`;
}

function valueLine(y: number, label: string): string {
  return `<path class="grid" d="M${plot.left} ${y}H${plot.right}"/><text x="${plot.left - 8}" y="${y + 4}" text-anchor="end">${label}</text>`;
}

function axisLabels({ name, better }: Metric, axis: ScoreAxis): string[] {
  const [x, y] = [(plot.left + plot.right) / 2, (plot.top + plot.bottom) / 2];
  const kind = axis.isLogarithmic ? " (logarithmic)" : "";
  return [
    `<text x="${x}" y="${plot.bottom + 54}" text-anchor="middle">${escapeMarkup(axis.name)}${kind}</text>`,
    `<text transform="translate(18 ${y}) rotate(-90)" text-anchor="middle">${escapeMarkup(name)} (${better} is better)</text>`,
  ];
}

interface Point {
  readonly x: number;
  readonly y: number;
  /** Ends of the bar of one standard deviation. */
  readonly low: number;
  readonly high: number;
}

/** A contestant's line with its marks and its entry of the legend. */
function series(
  index: number,
  points: readonly Point[],
  entry: { readonly name: string; readonly x: number; readonly y: number },
): string {
  const line = `class="line${index % 8 >= 4 ? " dashed" : ""}"`;
  const path = points.map(({ x, y }) => `${round(x)} ${round(y)}`).join("L");
  return [
    `<g class="series-${index % 8}">`,
    ...(points.length > 1 ? [`<path ${line} d="M${path}"/>`] : []),
    ...points.filter(({ low, high }) => low !== high).map(({ x, low, high }) => bar(x, low, high)),
    ...points.map(({ x, y }) => mark(index, x, y)),
    `<path ${line} d="M${entry.x} ${entry.y}h28"/>${mark(index, entry.x + 14, entry.y)}`,
    `<text x="${entry.x + 36}" y="${entry.y + 5}">${escapeMarkup(entry.name)}</text>`,
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
function describe({ format }: ScoreAxis, lines: readonly ScoreLine[]): string {
  return lines
    .map(({ name, points }) => {
      const told = points.map(({ at, mean }) => `${mean.toFixed(4)} at ${format(at)}`);
      return `${name}: ${told.length === 0 ? "no result" : told.join(", ")}.`;
    })
    .join(" ");
}

/** 1 and 3 times powers of ten, from below the lowest place to above the highest. */
function logarithmicTicks(places: readonly number[]): number[] {
  const lowest = Math.floor(Math.log10(Math.min(...places)));
  const highest = Math.ceil(Math.log10(Math.max(...places)));
  const ticks = Array.from({ length: highest - lowest + 1 }, (_, i) => [
    Number(`1e${lowest + i}`),
    Number(`3e${lowest + i}`),
  ]).flat();
  const first = ticks.findLastIndex((tick) => tick <= Math.min(...places));
  const last = ticks.findIndex((tick) => tick >= Math.max(...places));
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
