/** Charts as SVG, drawn by Observable Plot; colours are the page's (`page.ts`). */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escapeMarkup } from "../escape-markup.js";
import type { AnswersShown } from "../tasks/review.js";
import type { Curve } from "./curves.js";

const { document } = parseHTML("<!doctype html><html><body></body></html>");

const size = { width: 480, height: 240, marginLeft: 56, marginBottom: 36 } as const;

/** The colour of a series, by its place. */
export const colourOf = (place: number): string => `var(--series-${place % colours})`;

/** As many as the page has. */
const colours = 8;

/** A chart over steps. */
export function drawCurve({ title, unit, series, sections = [] }: Curve): string {
  const values = series.flatMap(({ points }) => points.map(({ y }) => y));
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return svgOf({
    ...size,
    ariaLabel: `${title} by step: ${series.map(({ name, points }) => described(name, points)).join("; ")}`,
    x: { label: "step", ticks: 6, nice: false },
    y: {
      label: null,
      grid: true,
      ticks: 5,
      ...(unit === "share" ? { tickFormat: "~%" } : greatest < 0.01 && greatest > 0 ? { tickFormat: "~e" } : {}),
      // A value that never changes still has a place.
      ...(least === greatest ? { domain: [Math.min(0, least), Math.max(greatest, 1e-12)] } : { nice: true }),
    },
    marks: [
      Plot.ruleX(sections, { x: "x", stroke: "currentColor", strokeOpacity: 0.3, strokeDasharray: "3 3" }),
      Plot.text(sections, {
        ...{ x: "x", text: "label", frameAnchor: "top", textAnchor: "start", dx: 4, fill: "currentColor" },
        ...{ fillOpacity: 0.7 },
      }),
      ...series.flatMap(({ points, isMarked }, place) => [
        Plot.line(points, { x: "x", y: "y", stroke: colourOf(place), strokeWidth: isMarked ? 2 : 1.5 }),
        ...(isMarked ? [Plot.dot(points, { x: "x", y: "y", fill: colourOf(place), r: 3 })] : []),
      ]),
    ],
  });
}

/** For those who hear the page. */
function described(name: string, points: readonly { readonly y: number }[]): string {
  const [first, last] = [points[0]?.y ?? 0, points.at(-1)?.y ?? 0];
  return `${name} from ${first.toPrecision(3)} to ${last.toPrecision(3)}`;
}

/** More classes than this have no readable matrix. */
export const mostClasses = 20;

/** How often each class was taken for each, or numbers beside those expected; undefined of more classes than one can see. */
export function drawAnswers(answers: AnswersShown): string | undefined {
  if (answers.kind === "numbers") return scatter(answers.pairs);
  return answers.names.length > mostClasses ? undefined : confusionMatrix(answers);
}

function confusionMatrix({ names, counts }: Extract<AnswersShown, { kind: "classes" }>): string {
  // Names may repeat once they are cut, so places are by number.
  const shown = names.map((name) => (name.length > 14 ? `${name.slice(0, 13)}…` : name));
  const nameOf = (place: number) => shown[place] ?? "";
  const cells = counts.flatMap((row, expected) => {
    const all = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, predicted) => ({ expected, predicted, count, share: all === 0 ? 0 : count / all }));
  });
  const domain = names.map((_, place) => place);
  const side = Math.min(48, 460 / names.length);
  const isSteep = names.length > 4;
  return svgOf({
    width: 140 + side * names.length,
    height: 90 + (isSteep ? 50 : 0) + side * names.length,
    marginLeft: 120,
    marginBottom: isSteep ? 110 : 50,
    ariaLabel: `How often each class was taken for each: ${cells
      .filter(({ count }) => count > 0)
      .map(({ expected, predicted, count }) => `${names[expected]} as ${names[predicted]} ${count}`)
      .join(", ")}`,
    x: { label: "predicted", domain, tickFormat: nameOf, tickRotate: isSteep ? -45 : 0 },
    y: { label: "label", domain, tickFormat: nameOf },
    marks: [
      Plot.cell(cells, {
        x: "predicted",
        y: "expected",
        fill: (cell) => colourOf(cell.expected === cell.predicted ? 0 : 1),
        fillOpacity: (cell) => darkness(0.06, cell.share),
        inset: 1,
      }),
      Plot.text(cells, { x: "predicted", y: "expected", text: (cell) => String(cell.count), fill: "currentColor" }),
    ],
  });
}

/** Of a cell whose number has to be read on it: half of a colour, and no more, leaves texts enough contrast on a dark page. */
function darkness(least: number, share: number): number {
  return least + (0.5 - least) * share;
}

/** Dots beyond this hide each other. */
const mostDots = 2000;

function scatter(pairs: Extract<AnswersShown, { kind: "numbers" }>["pairs"]): string {
  const every = Math.ceil(pairs.length / mostDots);
  const shown = pairs.filter((_, place) => place % every === 0);
  const values = shown.flatMap(({ expected, predicted }) => [expected, predicted]).filter(Number.isFinite);
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return svgOf({
    ...size,
    height: 360,
    grid: true,
    ariaLabel: `Predictions beside what was expected, of ${shown.length} examples`,
    x: { label: "expected", nice: true },
    y: { label: "predicted", nice: true },
    marks: [
      Plot.line(
        [least, greatest].map((value) => ({ x: value, y: value })),
        { x: "x", y: "y", stroke: "currentColor", strokeOpacity: 0.5, strokeDasharray: "4 4" },
      ),
      Plot.dot(shown, { x: "expected", y: "predicted", fill: colourOf(0), fillOpacity: 0.5, r: 3 }),
    ],
  });
}

/** Numbers of rows by columns, the darker the larger; places without one stay empty. */
export interface HeatMap {
  readonly title: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly cells: readonly { readonly row: string; readonly column: string; readonly value: number }[];
  /** What is the darkest; by default the largest value. */
  readonly greatest?: number;
}

export function drawHeatMap({ title, rows, columns, cells, greatest }: HeatMap): string {
  const most = greatest ?? Math.max(...cells.map(({ value }) => value));
  const left = 7 * Math.max(...rows.map(({ length }) => length)) + 20;
  const below = 6 * Math.max(...columns.map(({ length }) => length)) + 10;
  return svgOf({
    width: left + 44 * columns.length + 10,
    height: 18 * rows.length + below + 10,
    marginLeft: left,
    marginBottom: below,
    marginTop: 10,
    marginRight: 10,
    ariaLabel: `${title}: ${cells.map(({ row, column, value }) => `${row} ${column} ${value.toPrecision(2)}`).join(", ")}`,
    x: { label: null, domain: columns, tickRotate: -60 },
    y: { label: null, domain: rows },
    marks: [
      Plot.cell(cells, {
        ...{ x: "column", y: "row", fill: colourOf(1), inset: 0.5 },
        fillOpacity: ({ value }) => darkness(0.04, most === 0 ? 0 : Math.min(1, value / most)),
      }),
      Plot.text(cells, {
        ...{ x: "column", y: "row", fill: "currentColor", fontSize: 10 },
        text: ({ value }) => (value === 0 ? "0" : value < 0.01 ? value.toExponential(0) : value.toPrecision(2)),
      }),
    ],
  });
}

/** What Plot draws, as text; it scales with the page. The label is for those who hear the page. */
export function svgOf({ ariaLabel, ...options }: Plot.PlotOptions & { readonly ariaLabel: string }): string {
  const drawn = Plot.plot({ ...options, document, figure: false } as unknown as Plot.PlotOptions);
  // linkedom leaves ampersands in attributes as they are.
  const label = `role="img" aria-label="${escapeMarkup(ariaLabel)}"`;
  return String((drawn as unknown as { readonly outerHTML: string }).outerHTML).replace("<svg", () => `<svg ${label}`);
}
