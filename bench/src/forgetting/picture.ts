/** The trade-off as a picture: what is learned of the second task against what is lost of the first, a mark for each rate. */
import { type Setting, settingsOf } from "./figures.js";
import type { RunResult } from "./runs.js";
import type { Study } from "./studies.js";

export const pictureFile = ({ name }: Study) => `forgetting-${name}.svg`;

const size = { width: 720, height: 440, left: 64, right: 520, top: 24, bottom: 384 } as const;

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1b1d21; }
  .rule { stroke: #d5d8de; }
  .paper { fill: #ffffff; }
  ${["#0072b2", "#4b4fb8", "#00805e", "#c44e00", "#aa3377", "#555555"].map((colour, place) => `.s${place} { color: ${colour}; }`).join(" ")}
  @media (prefers-color-scheme: dark) {
    text { fill: #e8eaee; }
    .rule { stroke: #3a3f48; }
    .paper { fill: #16181c; }
    ${["#56b4e9", "#a5a8ff", "#3ddbb0", "#ff9d5c", "#f29ad0", "#c2c5cc"].map((colour, place) => `.s${place} { color: ${colour}; }`).join(" ")}
  }`;

/** Forms tell series apart for who sees no colours. */
const forms = [
  "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
  "m-5 -5h10v10h-10z",
  "m0 -6l6 11h-12z",
  "m0 -6l6 6l-6 6l-6 -6z",
  "m0 6l6 -11h-12z",
  "m-6 -2h4v-4h4v4h4v4h-4v4h-4v-4h-4z",
];

export function tradeOff(study: Study, results: readonly RunResult[]): string {
  const settings = settingsOf(study, results).filter(({ figures }) => figures !== undefined);
  const xs = settings.map(({ figures }) => 100 * (figures?.lost.mean ?? 0));
  const ys = settings.map(({ figures }) => 100 * (figures?.second.mean ?? 0));
  const [xTicks, yTicks] = [ticks([0, ...xs]), ticks(ys)];
  const x = scale(xTicks, size.left, size.right);
  const y = scale(yTicks, size.bottom, size.top);
  const middle = (size.left + size.right) / 2;
  const { first, second } = study;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${second.task} (${second.metric}) against what is lost of ${first}, in per cent">`,
    `<style>${style}\n</style>`,
    `<rect class="paper" width="${size.width}" height="${size.height}"/>`,
    ...xTicks.map(
      (tick) =>
        `<path class="rule" d="M${x(tick)} ${size.top}V${size.bottom}"/><text x="${x(tick)}" y="${size.bottom + 18}" text-anchor="middle">${tick}</text>`,
    ),
    ...yTicks.map(
      (tick) =>
        `<path class="rule" d="M${size.left} ${y(tick)}H${size.right}"/><text x="${size.left - 8}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`,
    ),
    `<text x="${middle}" y="${size.bottom + 42}" text-anchor="middle">${first}: accuracy lost, points (left is better)</text>`,
    `<text transform="translate(18 ${(size.top + size.bottom) / 2}) rotate(-90)" text-anchor="middle">${second.task}: ${second.metric}, per cent (up is better)</text>`,
    ...study.contestants.map((contestant, place) =>
      series(
        place,
        contestant.name,
        settings.filter((setting) => setting.contestant === contestant).map((setting) => pointOf(setting, x, y)),
      ),
    ),
    "</svg>",
  ].join("\n")}\n`;
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly rate: string;
}

function pointOf(
  { figures, learningRate }: Setting,
  x: (value: number) => number,
  y: (value: number) => number,
): Point {
  const [lost, second] = [100 * (figures?.lost.mean ?? 0), 100 * (figures?.second.mean ?? 0)];
  return { x: x(lost), y: y(second), rate: learningRate.toExponential() };
}

/** The rates of an optimizer, joined from the lowest to the highest, and its name. */
function series(place: number, name: string, points: readonly Point[]): string {
  const form = forms[place % forms.length] ?? "";
  const key = { x: size.right + 24, y: size.top + 20 + 24 * place };
  const line = points.map((point) => `${point.x} ${point.y}`).join("L");
  return [
    `<g class="s${place}">`,
    ...(points.length > 1 ? [`<path d="M${line}" fill="none" stroke="currentColor" stroke-opacity="0.5"/>`] : []),
    ...points.map(
      (point) =>
        `<path d="M${point.x} ${point.y}${form}" fill="currentColor"><title>${name}, rate ${point.rate}</title></path><text x="${point.x + 8}" y="${point.y - 6}" font-size="10">${point.rate}</text>`,
    ),
    `<path d="M${key.x} ${key.y}${form}" fill="currentColor"/><text x="${key.x + 14}" y="${key.y + 4}">${name}</text>`,
    "</g>",
  ].join("");
}

/** Round numbers, five or so, from below the least value to above the greatest. */
function ticks(values: readonly number[]): number[] {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  if (!Number.isFinite(least)) return [0, 1];
  const range = Math.max(greatest - least, 1);
  const power = 10 ** Math.floor(Math.log10(range / 5));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= range / 5) ?? 10);
  const first = Math.floor(least / step);
  const last = Math.max(first + 1, Math.ceil(greatest / step));
  return Array.from({ length: last - first + 1 }, (_, place) => Number(((first + place) * step).toPrecision(6)));
}

function scale(over: readonly number[], from: number, to: number): (value: number) => number {
  const [first = 0, last = 1] = [over[0], over.at(-1)];
  return (value) => Math.round(10 * (from + ((value - first) / (last - first)) * (to - from))) / 10;
}
