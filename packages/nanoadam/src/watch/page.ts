/** What the pages about a run are made of: their frame and style, tables, and the curves. */
import { escapeMarkup } from "../escape-markup.js";
import { type Curve, curvesOf } from "./curves.js";
import { colourOf, drawCurve } from "./draw.js";
import { generatorTag } from "./generator-tag.js";
import type { RunHistory } from "./history.js";

const style = `
:root {
  color-scheme: light dark;
  --ink: #1b1d21; --paper: #ffffff; --rule: #d5d8de; --quiet: #5a606b; --series-0: #0072b2; --series-1: #c44e00;
  --series-2: #00805e; --series-3: #aa3377; --series-4: #8a6400; --series-5: #4b4fb8; --series-6: #555555; --series-7: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8eaee; --paper: #16181c; --rule: #3a3f48; --quiet: #a5abb6; --series-0: #56b4e9; --series-1: #ff9d5c;
    --series-2: #3ddbb0; --series-3: #f29ad0; --series-4: #f0e442; --series-5: #a5a8ff; --series-6: #c2c5cc; --series-7: #ff8a80;
  }
}
* { box-sizing: border-box; }
body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.2; margin-bottom: 0.5rem; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; }
.quiet, figcaption { color: var(--quiet); }
.charts { margin-top: 1.5rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem 2rem; }
figure { margin: 0; min-width: 0; }
figcaption { margin-bottom: 0.25rem; }
figcaption strong { color: var(--ink); margin-right: 0.75rem; }
svg { width: 100%; height: auto; font-size: 12px; }
.answers svg { max-width: max-content; }
.key::before { content: ""; display: inline-block; width: 0.9em; height: 0.25em; margin: 0 0.35em 0.2em 0.5em; background: var(--colour); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: 0.3rem 0.7rem 0.3rem 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th { font-weight: 600; overflow-wrap: normal; }
thead th { color: var(--quiet); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td img { width: 6rem; height: 6rem; object-fit: contain; object-position: left; }
progress { width: 100%; accent-color: var(--series-0); }
@media (max-width: 40rem) {
  svg { font-size: 14px; }
  .rows, .rows tbody, .rows tr, .rows th, .rows td { display: block; }
  .rows thead { display: none; }
  .rows tr { padding: 0.5rem 0; border-bottom: 1px solid var(--rule); }
  .rows td, .rows td.number { border: 0; padding: 0.1rem 0; text-align: left; white-space: normal; }
  .rows td::before { content: attr(data-heading) ": "; color: var(--quiet); }
  .rows td[data-heading=""] { font-weight: 600; }
  .rows td[data-heading=""]::before { content: none; }
  .wide > svg { width: auto; max-width: none !important; font-size: 12px; }
}
@media print { .charts, table { break-inside: avoid; } }`;

/** A whole page that needs nothing else. */
export function page(title: string, body: string, head = ""): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${generatorTag}
<title>${escapeMarkup(title)}</title>
<style>${style}</style>
${head}</head>
<body>
${body}
</body>
</html>
`;
}

/**
 * A cell: texts to the left; numbers to the right, as they are, with so many decimals, or written already; or a picture, by a data
 * URI, with its text.
 */
export type Cell =
  | string
  | number
  | { readonly value: number; readonly decimals: number }
  | { readonly text: string; readonly picture?: string };

/** A table with headings; in narrow windows each row stands by itself. */
export function rowsTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const head = headings.map((heading) => `<th scope="col">${escapeMarkup(heading)}</th>`).join("");
  const body = rows.map(
    (row) =>
      `<tr>${row
        .map((cell, place) => {
          const isText = typeof cell === "string" || (typeof cell === "object" && "picture" in cell);
          const kind = isText ? "" : ' class="number"';
          return `<td${kind} data-heading="${escapeMarkup(headings[place] ?? "")}">${contentOf(cell)}</td>`;
        })
        .join("")}</tr>`,
  );
  return `<div class="wide"><table class="rows">\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table></div>`;
}

function contentOf(cell: Cell): string {
  if (typeof cell !== "object") return escapeMarkup(String(cell));
  if ("value" in cell) return escapeMarkup(cell.value.toFixed(cell.decimals));
  const text = escapeMarkup(cell.text);
  return cell.picture === undefined ? text : `<img src="${escapeMarkup(cell.picture)}" alt="${text}"><br>${text}`;
}

/** Names with a value each. */
export function factsTable(facts: readonly (readonly [name: string, value: string])[]): string {
  const rows = facts.map(
    ([name, value]) => `<tr><th scope="row">${escapeMarkup(name)}</th><td>${escapeMarkup(value)}</td></tr>`,
  );
  return `<div class="wide"><table class="facts">\n<tbody>\n${rows.join("\n")}\n</tbody>\n</table></div>`;
}

/** A curve with its title and the colours of its series. */
export function curveFigure(curve: Curve): string {
  const { title, series } = curve;
  const keys = series.map(
    ({ name }, place) => `<span class="key" style="--colour: ${colourOf(place)}">${escapeMarkup(name)}</span>`,
  );
  return figureWith(title, drawCurve(curve), series.length < 2 ? "" : keys.join(""));
}

/** A picture with its title. */
export function figureWith(title: string, picture: string, keys = ""): string {
  return `<figure>\n<figcaption><strong>${escapeMarkup(title)}</strong>${keys}</figcaption>\n${picture}\n</figure>`;
}

/** All curves of a run, a figure each. */
export function curvesSection(history: RunHistory): string {
  const figures = curvesOf(history).map(curveFigure);
  return figures.length === 0
    ? '<p class="quiet">No step has been logged yet.</p>'
    : `<div class="charts">\n${figures.join("\n")}\n</div>`;
}
