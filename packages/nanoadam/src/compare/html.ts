import { escapeMarkup } from "../escape-markup.js";
import type { Table } from "../markdown-table.js";
import type { Comparison } from "./comparison.js";
import { rateCurve, stepCurves, type TitledCurve, variationCurves } from "./curves.js";
import { failuresOf, notesOf, titleOf } from "./notes.js";
import { scoreCurveStyle } from "./score-curve.js";
import { contestantsTable, ratesTable } from "./tables.js";

const style = `
:root {
  color-scheme: light dark;
  --ink: #1b1d21; --paper: #ffffff; --rule: #d5d8de; --quiet: #5a606b;
  --series-0: #0072b2; --series-1: #c44e00; --series-2: #00805e; --series-3: #aa3377;
  --series-4: #8a6400; --series-5: #4b4fb8; --series-6: #555555; --series-7: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8eaee; --paper: #16181c; --rule: #3a3f48; --quiet: #a5abb6;
    --series-0: #56b4e9; --series-1: #ff9d5c; --series-2: #3ddbb0; --series-3: #f29ad0;
    --series-4: #f0e442; --series-5: #a5a8ff; --series-6: #c2c5cc; --series-7: #ff8a80;
  }
}
body { overflow-wrap: anywhere; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
thead th { white-space: normal; overflow-wrap: normal; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 600; }
figure { margin: 1rem 0; }
.notes { color: var(--quiet); }
${scoreCurveStyle}
@media (max-width: 40rem) {
  h1 { font-size: 1.5rem; }
  table, tbody, tr, th, td { display: block; }
  thead { display: none; }
  tr { margin-bottom: 1rem; }
  tbody th, td { padding: 0.2rem 0; white-space: normal; }
  td { display: flex; justify-content: space-between; gap: 1rem; }
  td::before { content: attr(data-heading); color: var(--quiet); text-align: left; }
}`;

/** A comparison as one page that needs nothing else: the table, the curve of scores by learning rate, and what failed. */
export function comparisonHtml(comparison: Comparison): string {
  const failures = failuresOf(comparison);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(titleOf(comparison))}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeMarkup(titleOf(comparison))}</h1>
<p class="notes">${escapeMarkup(notesOf(comparison).join(" "))}</p>
${htmlTable(contestantsTable(comparison))}
${variationCurves(comparison).map(titledFigure).join("")}<h2>Learning rates</h2>
<figure>
${rateCurve(comparison)}
<figcaption class="notes">Where several seeds ran, marks are their mean, and bars one standard deviation.</figcaption>
</figure>
<details>
<summary>Every learning rate in numbers</summary>
${htmlTable(ratesTable(comparison))}
</details>
${stepCurves(comparison).map(titledFigure).join("")}${failures.length === 0 ? "" : `<h2>Runs without a result</h2>\n<ul>\n${failures.map((line) => `<li>${escapeMarkup(line)}</li>\n`).join("")}</ul>\n`}</body>
</html>
`;
}

function titledFigure({ title, svg }: TitledCurve): string {
  return `<h2>${escapeMarkup(title)}</h2>\n<figure>\n${svg}\n</figure>\n`;
}

/** A table whose first column heads its rows; in narrow windows each row stands by itself, its cells under each other. */
function htmlTable({ headings, rows }: Table): string {
  const head = headings.map((heading) => `<th scope="col">${escapeMarkup(heading)}</th>`).join("");
  const cell = (text: string, place: number) =>
    `<td data-heading="${escapeMarkup(headings[place + 1] ?? "")}">${escapeMarkup(text)}</td>`;
  const body = rows.map(
    ([first = "", ...others]) => `<tr><th scope="row">${escapeMarkup(first)}</th>${others.map(cell).join("")}</tr>\n`,
  );
  return `<div class="wide"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("")}</tbody>\n</table></div>`;
}
