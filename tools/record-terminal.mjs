/**
 * Runs `nanoadam demo` in a terminal of 80 columns and 24 rows, types a message, and draws what there was to see:
 * `node tools/record-terminal.mjs [FILE]`, by default docs/demo.svg. It needs `npm run build` and the program `script` (util-linux).
 */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import xterm from "@xterm/headless";
import { terminalSvg } from "./terminal-svg.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const size = { columns: 80, rows: 24 };
const message = "my parcel never came, where is it?";
const trainingFrames = 16;
/** What the terminal gets before a line is drawn again, and with a prompt. */
const [redrawn, prompt] = ["\r\u001b[2K", "> \u001b[3G"];

/** The screen of a terminal that is written to. */
class Screen {
  #terminal = new xterm.Terminal({ cols: size.columns, rows: size.rows, allowProposedApi: true, convertEol: true });

  write(text) {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  /** Lines as runs of one style. */
  lines() {
    const { active } = this.#terminal.buffer;
    const lines = Array.from({ length: size.rows }, (_, row) => active.getLine(active.baseY + row));
    return lines.map((line) => (line === undefined ? [] : runsOf(line)));
  }
}

function runsOf(line) {
  const runs = [];
  for (let column = 0; column < size.columns; column++) {
    const cell = line.getCell(column);
    const text = cell?.getChars() || " ";
    const style = cell === undefined ? "" : styleOf(cell);
    const last = runs.at(-1);
    if (last?.style === style) last.text += text;
    else runs.push({ column, text, style });
  }
  return runs.map((run) => ({ ...run, text: run.text.trimEnd() })).filter(({ text }) => text !== "");
}

/** The class that terminal-svg.mjs draws a cell in: a colour of the 16 by name, or dim, or bold. */
function styleOf(cell) {
  const colors = { 1: "red", 2: "green" };
  if (cell.isFgPalette() && cell.getFgColor() in colors) return colors[cell.getFgColor()];
  return cell.isDim() ? "dim" : cell.isBold() ? "bold" : "";
}

/** What the demo writes to a terminal, a message typed once it asks for one. */
async function runDemo() {
  const command = `stty cols ${size.columns} rows ${size.rows}; exec node ${join(root, "packages/nanoadam/bin/nanoadam.js")} demo`;
  const { CI: _ci, NO_COLOR: _noColor, ...environment } = process.env;
  const child = spawn("script", ["-qfec", command, "/dev/null"], {
    env: { ...environment, TERM: "xterm-256color" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let written = "";
  let prompts = 0;
  for await (const text of child.stdout.setEncoding("utf8")) {
    written += text;
    const shown = written.split(prompt).length - 1;
    // The first prompt is answered, the second ends the demo.
    if (shown > prompts) child.stdin.write(prompts === 0 ? `${message}\r` : "\r");
    prompts = shown;
  }
  return written;
}

/** The places in what was written at which a picture is taken, and for how many seconds it is shown. */
function moments(written) {
  const drawings = [];
  for (let at = written.indexOf(redrawn); at >= 0; at = written.indexOf(redrawn, at + 1)) drawings.push(at);
  const training = Array.from({ length: trainingFrames }, (_, place) => {
    const drawing = Math.round(((place + 1) * (drawings.length - 1)) / trainingFrames);
    return { until: drawings[drawing], seconds: 0.6 };
  });
  const asked = written.indexOf(prompt) + prompt.length;
  return [
    ...training,
    { until: asked, seconds: 3 },
    { until: written.indexOf(prompt, asked), seconds: 3 },
    { until: written.length, seconds: 5 },
  ];
}

const screen = new Screen();
await screen.write("$ nanoadam demo\r\n");
const frames = [{ seconds: 1, lines: screen.lines() }];
const written = await runDemo();
let from = 0;
for (const { until, seconds } of moments(written)) {
  await screen.write(written.slice(from, until));
  frames.push({ seconds, lines: screen.lines() });
  from = until;
}
const title = "nanoadam demo: an encoder learns to sort support messages, with its accuracy climbing, and answers one";
await writeFile(process.argv[2] ?? join(root, "docs/demo.svg"), terminalSvg(frames, { ...size, title }));
