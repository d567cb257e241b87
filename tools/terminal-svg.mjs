/** Screens of a terminal as an SVG file: one after the other where pictures may move, the last one elsewhere. */

/**
 * A piece of a screen's line: characters in one style.
 * @typedef {{ readonly column: number, readonly text: string, readonly style: string }} Run
 *
 * A screen and for how many seconds it is shown.
 * @typedef {{ readonly seconds: number, readonly lines: readonly (readonly Run[])[] }} Frame
 */

const cell = { width: 8.4, height: 18 };
const baseline = 13.5;
const margin = 14;
const eighths = " ▁▂▃▄▅▆▇█";

const style = `
.t{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}
.w{fill:#f6f8fa;stroke:#d1d9e0}.green{fill:#1a7f37}.dim{fill:#59636e}.red{fill:#d1242f}.bold{font-weight:600}.b{opacity:.35}
@media (prefers-color-scheme:dark){.t{fill:#e6edf3}.w{fill:#0d1117;stroke:#3d444d}.green{fill:#3fb950}.dim{fill:#9198a1}.red{fill:#f85149}}
`;

/**
 * @param {readonly Frame[]} frames
 * @param {{ readonly columns: number, readonly rows: number, readonly title: string }} screen
 */
export function terminalSvg(frames, { columns, rows, title }) {
  const width = Math.ceil(columns * cell.width + 2 * margin);
  const height = rows * cell.height + 2 * margin;
  // A line that several frames show is drawn once.
  const drawings = new Map();
  const numberOf = (drawing) => {
    if (!drawings.has(drawing)) drawings.set(drawing, drawings.size);
    return drawings.get(drawing);
  };
  const groups = frames.map(({ lines }, index) => {
    const uses = lines.map((runs, row) => {
      const drawing = runs.map(drawRun).join("");
      return drawing === "" ? "" : `<use href="#l${numberOf(drawing)}" y="${row * cell.height}"/>`;
    });
    return `<g class="f f${index}">${uses.join("")}</g>`;
  });
  const shared = [...drawings].map(([drawing, number]) => `<g id="l${number}">${drawing}</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title><style>${style}${motion(frames)}</style>`,
    `<rect class="w" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    `<g class="t" transform="translate(${margin} ${margin})"><defs>${shared.join("")}</defs>`,
    ...groups,
    "</g></svg>",
    "",
  ].join("\n");
}

/** Each frame is there for its own stretch of the time; without motion the last one is. */
function motion(frames) {
  const total = rounded(frames.reduce((sum, { seconds }) => sum + seconds, 0));
  const percent = (seconds) => Number(((100 * seconds) / total).toFixed(2));
  let begin = 0;
  const rules = frames.map(({ seconds }, index) => {
    const [from, to] = [percent(begin), percent(begin + seconds)];
    begin += seconds;
    const before = from > 0 ? "0%{opacity:0}" : "";
    const after = to < 100 ? `${to}%{opacity:0}` : "";
    return `@keyframes k${index}{${before}${from}%{opacity:1}${after}${to < 100 ? "100%{opacity:0}" : "100%{opacity:1}"}}.f${index}{animation-name:k${index}}`;
  });
  const moving = `.f{animation:${total}s step-end infinite}${rules.join("")}`;
  return `.f{opacity:0}.f${frames.length - 1}{opacity:1}@media (prefers-reduced-motion:no-preference){${moving}}`;
}

/** Text as text, and what is made of blocks as rectangles, which look the same in every font. */
function drawRun({ column, text, style: name }) {
  const parts = text.match(/█+|░+|[▁▂▃▄▅▆▇]|[^█░▁▂▃▄▅▆▇]+/g) ?? [];
  let at = column;
  return parts
    .map((part) => {
      const start = at;
      at += [...part].length;
      return drawPart(part, { start, cells: at - start, name });
    })
    .join("");
}

function drawPart(part, { start, cells, name }) {
  const x = rounded(start * cell.width);
  const width = rounded(cells * cell.width);
  const level = eighths.indexOf(part[0]);
  if (level > 0 || part.startsWith("░")) {
    const isFaint = part.startsWith("░");
    const height = rounded(((isFaint ? 8 : level) / 8) * (cell.height - 4));
    const y = rounded(cell.height - 2 - height);
    const classes = [name, ...(isFaint ? ["b"] : [])].filter((each) => each !== "").join(" ");
    return `<rect${classOf(classes)} x="${x}" y="${y}" width="${width}" height="${height}"/>`;
  }
  if (part.trim() === "") return "";
  return `<text${classOf(name)} x="${x}" y="${baseline}" textLength="${width}" xml:space="preserve">${escaped(part)}</text>`;
}

function classOf(name) {
  return name === "" ? "" : ` class="${name}"`;
}

function rounded(length) {
  return Number(length.toFixed(1));
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
