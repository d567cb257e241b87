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

/** Where histograms have anything, in whole powers of ten. */
export function extentOf(histograms: readonly HistogramRecord[], { weight, gradient }: Analysis["axes"]): Extent {
  const columns = histograms.flatMap(({ cells }) => cells.map(([column]) => column));
  const rows = histograms.flatMap(({ cells }) =>
    cells.flatMap(([, first, counts]) => [first, first + counts.length - 1]),
  );
  const range = (bins: readonly number[], { from, binsPerDecade }: LogarithmicAxis): readonly [number, number] => {
    const [least, most] = [bins.reduce((a, b) => Math.min(a, b), Infinity), bins.reduce((a, b) => Math.max(a, b), -1)];
    if (most < 0) return [from, from + 1];
    return [from + Math.floor(least / binsPerDecade), from + Math.ceil((most + 1) / binsPerDecade)];
  };
  return { weight: range(columns, weight), gradient: range(rows, gradient) };
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
  const cells = cellsOf(record, axes);
  const most = Math.log(1 + cells.reduce((greatest, { count }) => Math.max(greatest, count), 1));
  const shadeOf = ({ count }: Cell) => Math.ceil((shades * Math.log(1 + count)) / most);
  const [width, height] = [binsTogether / axes.weight.binsPerDecade, binsTogether / axes.gradient.binsPerDecade];
  return compact(
    svgOf({
      ariaLabel: label,
      width: 220,
      height: 190,
      marginLeft: 38,
      marginRight: 8,
      marginTop: 8,
      marginBottom: 34,
      x: { label: "|weight|", labelAnchor: "center", labelArrow: "none", ...powerAxis(extent.weight, 4) },
      y: { label: null, ...powerAxis(extent.gradient, 5) },
      marks: Array.from({ length: shades }, (_, place) =>
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

const chart = { width: 480, height: 260, marginLeft: 58, marginRight: 12 } as const;

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
  return `${Number((100 * share).toPrecision(3))} %`;
}

/** Names that there is room for, evenly. */
function spaced(names: readonly string[]): string[] {
  const every = Math.ceil(names.length / 16);
  return names.filter((_, place) => place % every === 0);
}

/** A hundredth of a pixel is enough. */
function compact(svg: string): string {
  return svg.replace(/(\d\.\d\d)\d+/g, "$1");
}
