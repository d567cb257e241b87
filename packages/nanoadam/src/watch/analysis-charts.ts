/** The pictures of an analysis as SVG; colours are the page's. */
import * as Plot from "@observablehq/plot";
import type { Analysis } from "../analysis/analysis.js";
import type { HistogramRecord, LogarithmicAxis } from "../analysis/joint-histogram.js";
import { colourOf, svgOf } from "./draw.js";

/** Powers of ten that pictures reach to, the same in all of them. */
export interface Extent {
  readonly weight: readonly [number, number];
  readonly gradient: readonly [number, number];
}

/** Bins that have less than this part of all entries are left out at the ends. */
const leastPart = 2e-6;

/** Where histograms have entries that can be seen, in whole powers of ten. */
export function extentOf(histograms: readonly HistogramRecord[], { weight, gradient }: Analysis["axes"]): Extent {
  const columns = new Map<number, number>();
  const rows = new Map<number, number>();
  let all = 0;
  const count = (bins: Map<number, number>, bin: number, entries: number) =>
    bins.set(bin, (bins.get(bin) ?? 0) + entries);
  for (const { cells } of histograms) {
    for (const [column, first, counts] of cells) {
      for (const [place, entries] of counts.entries()) {
        all += entries;
        count(columns, column, entries);
        count(rows, first + place, entries);
      }
    }
  }
  const range = (
    bins: ReadonlyMap<number, number>,
    { from, binsPerDecade }: LogarithmicAxis,
  ): readonly [number, number] => {
    const seen = [...bins].filter(([, entries]) => entries > 0 && entries >= leastPart * all).map(([bin]) => bin);
    if (seen.length === 0) return [from, from + 1];
    return [
      from + Math.floor(Math.min(...seen) / binsPerDecade),
      from + Math.ceil((Math.max(...seen) + 1) / binsPerDecade),
    ];
  };
  return { weight: range(columns, weight), gradient: range(rows, gradient) };
}

/** Columns of a histogram with fewer entries have no hundredth to speak of. */
const fewest = 1000;

/** For each bin of weights with many entries: the gradient that one in a hundred of them is above. */
export function topsOf({ cells }: HistogramRecord, { weight, gradient }: Analysis["axes"]) {
  return cells.flatMap(([column, first, counts]) => {
    const all = counts.reduce((sum, entries) => sum + entries, 0);
    if (all < fewest) return [];
    let above = 0;
    let place = counts.length;
    while (place > 0 && above < all / 100) above += counts[--place] ?? 0;
    return [
      {
        x: weight.from + (column + 0.5) / weight.binsPerDecade,
        y: gradient.from + (first + place + 0.5) / gradient.binsPerDecade,
      },
    ];
  });
}

/** So many steps of darkness, each as many times the last. */
const shades = 8;
/** Bins of a histogram that are one in a picture, along each axis. */
const binsTogether = 2;

interface Cell {
  readonly x: number;
  readonly y: number;
  count: number;
}

/** A histogram's cells on the powers of ten, some bins together. */
function cellsOf({ cells }: HistogramRecord, { weight, gradient }: Analysis["axes"]): readonly Cell[] {
  const found = new Map<string, Cell>();
  for (const [column, first, counts] of cells) {
    for (const [place, count] of counts.entries()) {
      if (count === 0) continue;
      const [x, y] = [Math.floor(column / binsTogether), Math.floor((first + place) / binsTogether)];
      const key = `${x} ${y}`;
      const cell = found.get(key) ?? {
        x: weight.from + (x * binsTogether) / weight.binsPerDecade,
        y: gradient.from + (y * binsTogether) / gradient.binsPerDecade,
        count: 0,
      };
      cell.count += count;
      found.set(key, cell);
    }
  }
  return [...found.values()];
}

/** How many entries have which weight and gradient. */
export function drawDensity(record: HistogramRecord, axes: Analysis["axes"], extent: Extent, label: string): string {
  const isInside = (place: number, [from, to]: readonly [number, number]) => place >= from && place < to;
  const cells = cellsOf(record, axes).filter(({ x, y }) => isInside(x, extent.weight) && isInside(y, extent.gradient));
  const most = Math.log(1 + cells.reduce((greatest, { count }) => Math.max(greatest, count), 1));
  const shadeOf = ({ count }: Cell) => Math.ceil((shades * Math.log(1 + count)) / most);
  const [width, height] = [binsTogether / axes.weight.binsPerDecade, binsTogether / axes.gradient.binsPerDecade];
  return compact(
    svgOf({
      ariaLabel: label,
      width: 220,
      height: 210,
      marginLeft: 50,
      marginRight: 20,
      marginTop: 26,
      marginBottom: 46,
      x: {
        label: "|weight|",
        labelAnchor: "center",
        labelArrow: "none",
        labelOffset: 42,
        ...powerAxis(extent.weight, 4),
      },
      y: { label: "|gradient|", labelArrow: "none", ...powerAxis(extent.gradient, 5) },
      marks: [
        ...Array.from({ length: shades }, (_, place) =>
          Plot.rect(
            cells.filter((cell) => shadeOf(cell) === place + 1),
            {
              x1: "x",
              x2: ({ x }: Cell) => x + width,
              y1: "y",
              y2: ({ y }: Cell) => y + height,
              fill: colourOf(0),
              fillOpacity: (place + 1) / shades,
              inset: 0,
            },
          ),
        ),
        Plot.line(topsOf(record, axes), { x: "x", y: "y", stroke: colourOf(1), strokeWidth: 2 }),
      ],
    }),
  );
}

/** An axis over powers of ten, of which some are named. */
function powerAxis([from, to]: readonly [number, number], most: number) {
  const every = Math.max(1, Math.ceil((to - from) / most));
  const ticks: number[] = [];
  for (let power = Math.ceil(from / every) * every; power <= to; power += every) ticks.push(power);
  return { domain: [from, to], ticks, tickFormat: powerOfTen };
}

const raised: Readonly<Record<string, string>> = { "-": "⁻" };

/** 10⁻⁴. */
export function powerOfTen(power: number): string {
  return `10${[...String(power)].map((sign) => raised[sign] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)]).join("")}`;
}

/** A line of a chart. */
export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly opacity: number;
  readonly isDashed?: boolean;
  readonly points: readonly { readonly x: number | string; readonly y: number }[];
}

export interface LineChart {
  readonly label: string;
  readonly x: string;
  /** The names along the axis where it has no numbers. */
  readonly names?: readonly string[];
  readonly isLogarithmic?: { readonly x?: boolean; readonly y?: boolean };
  readonly unit?: { readonly x?: "share"; readonly y?: "share" };
  readonly lines: readonly Line[];
}

const chart = { width: 480, height: 260, marginLeft: 58, marginRight: 28 } as const;

/** Lines with a mark at each value. */
export function drawLines({ label, x, names, isLogarithmic = {}, unit = {}, lines }: LineChart): string {
  const isDrawn = ({ x: at, y }: Line["points"][number]) =>
    Number.isFinite(y) && (isLogarithmic.y !== true || y > 0) && (isLogarithmic.x !== true || Number(at) > 0);
  const greatest = lines
    .flatMap(({ points }) => points.filter(isDrawn).map(({ y }) => y))
    .reduce((a, b) => Math.max(a, b), 0);
  const shares =
    unit.x === "share" ? [...new Set(lines.flatMap(({ points }) => points.map(({ x: at }) => Number(at))))] : undefined;
  const isSteep = names !== undefined && names.join("").length > 40;
  return compact(
    svgOf({
      ...chart,
      marginBottom: isSteep ? 90 : 40,
      ariaLabel: label,
      x: {
        label: x,
        labelArrow: "none",
        ...(names === undefined
          ? { nice: false, ...scaleOf(isLogarithmic.x, unit.x), ...(shares === undefined ? {} : { ticks: shares }) }
          : { type: "point" as const, domain: [...names], ticks: spaced(names), tickRotate: isSteep ? -45 : 0 }),
      },
      y: {
        label: null,
        grid: true,
        ...(greatest < 0.01 ? { tickFormat: "~e" } : {}),
        ...scaleOf(isLogarithmic.y, unit.y),
        nice: isLogarithmic.y !== true,
        ...(isLogarithmic.y === true ? {} : { domain: [0, Math.max(greatest, 1e-12)] }),
      },
      marks: lines.flatMap(({ points, colour, opacity, isDashed = false }) => {
        const drawn = points.filter(isDrawn);
        const shown = { x: "x", y: "y", stroke: colour, strokeOpacity: opacity } as const;
        return isDashed
          ? [Plot.line(drawn, { ...shown, strokeDasharray: "4 4" })]
          : [
              Plot.line(drawn, { ...shown, strokeWidth: 1.75 }),
              Plot.dot(drawn, { x: "x", y: "y", fill: colour, fillOpacity: opacity, r: 3 }),
            ];
      }),
    }),
  );
}

function scaleOf(isLogarithmic: boolean | undefined, unit: "share" | undefined) {
  const tickFormat = unit === "share" ? asPercent : isLogarithmic === true ? "~e" : undefined;
  return {
    ticks: isLogarithmic === true ? 4 : 5,
    ...(isLogarithmic === true ? { type: "log" as const } : {}),
    ...(tickFormat === undefined ? {} : { tickFormat }),
  };
}

function asPercent(share: number): string {
  return `${Number((100 * share).toPrecision(3))}\u00a0%`;
}

/** Names that there is room for, evenly. */
function spaced(names: readonly string[]): string[] {
  const every = Math.ceil(names.length / 16);
  return names.filter((_, place) => place % every === 0);
}

/** A hundredth of a pixel is enough. */
function compact(svg: string): string {
  return svg.replace(/ (?:d|[xy][12]?|c[xy]|width|height|transform)="[^"]*"/g, (attribute) =>
    attribute.replace(/(\d\.\d\d)\d+/g, "$1"),
  );
}
