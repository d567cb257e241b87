/** The built command in a terminal of its own (a pseudo-terminal, by the program `script`). */
import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { Terminal } from "@xterm/headless";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { tinyPlace } from "../testing/tiny-run.js";
import { terminalOf } from "./terminal.js";

test("a line is drawn again on terminals alone, and colours are left out where they are not wanted", () => {
  const stream = { write: () => undefined, isTTY: true, columns: 57 };
  expect(terminalOf(stream, {})).toMatchObject({ isLive: true, hasBlocks: true });
  expect(terminalOf(stream, {}).columns()).toBe(57);
  for (const environment of [{ CI: "true" }, { CI: "1" }, { TERM: "dumb" }]) {
    expect(terminalOf(stream, environment).isLive).toBe(false);
  }
  expect(terminalOf(stream, { CI: "false" }).isLive).toBe(true);
  expect(terminalOf({ ...stream, isTTY: false }, {}).isLive).toBe(false);
  expect(terminalOf(stream, {}).colors.isColorSupported).toBe(true);
  expect(terminalOf(stream, { NO_COLOR: "1" }).colors.isColorSupported).toBe(false);
  expect(terminalOf({ write: () => undefined }, {}).columns()).toBe(80);
});

const builtCommand = fileURLToPath(new URL("../../bin/nanoadam.js", import.meta.url));
const isBuilt = existsSync(fileURLToPath(new URL("../../dist/cli/watch-outputs.js", import.meta.url)));

/** Whether there is a `script` that takes a command and says how it ended, as that of util-linux. */
function hasScript(): boolean {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
}

describe.skipIf(!isBuilt || !hasScript())("a run in a terminal (needs npm run build, and script)", () => {
  /** What the command writes to a terminal of so many columns. */
  async function written(columns: number, environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const { folder, model, train } = await tinyPlace();
    const flags = [
      ...["--model", model, "--train", train, "--text", "sentence", "--label", "label", "--steps", "12"],
      ...["--threads", "1", "--output", join(folder, "out")],
    ];
    const command = `stty cols ${columns}; "${process.execPath}" "${builtCommand}" finetune ${flags.join(" ")}`;
    const { CI: _, NO_COLOR: __, ...inherited } = process.env;
    const { stdout } = await promisify(execFile)("script", ["-qec", command, "/dev/null"], {
      env: { ...inherited, TERM: "xterm-256color", ...environment },
    });
    return stdout;
  }

  test.each([40, 80])("of %i columns has one line of progress, and nothing of it stays", async (columns) => {
    const text = await written(columns);
    const drawings = stripVTControlCharacters(text.replaceAll("\r\u001b[2K", "\n")).split(/[\r\n]+/);
    expect(drawings.some((line) => /^[█░]+ {2}\d+s left {2}\d+\/12/.test(line))).toBe(true);
    for (const line of drawings.filter((each) => /[█░]/.test(each))) {
      expect(stringWidth(line)).toBeLessThan(columns);
    }
    const screen = text.split("\n").map((line) => stripVTControlCharacters(line.split("\u001b[2K").at(-1) ?? ""));
    expect(screen.join("\n")).not.toMatch(/[█░]/);
    expect(screen.join(" ")).toContain("before: accuracy");
  });

  /** What is on the screen after Ctrl-C, and how the command ended. */
  async function stopped(flags: readonly string[], keys: string) {
    const { folder, model, train } = await tinyPlace();
    const output = join(folder, "out");
    const all = [
      ...["--model", model, "--train", train, "--text", "sentence", "--label", "label", "--steps", "1000000"],
      ...["--threads", "1", "--output", output, ...flags],
    ];
    const command = `"${process.execPath}" "${builtCommand}" finetune ${all.join(" ")}`;
    const { CI: _, ...inherited } = process.env;
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...inherited, TERM: "xterm-256color" },
    });
    let [written, isPressed] = ["", false];
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      written += piece;
      // Not every step is drawn: the first that is seen may be any.
      if (isPressed || !/ (?:[3-9]|[\d,]{2,})\/1,?000,?000/.test(stripVTControlCharacters(written))) return;
      isPressed = true;
      for (const key of keys) child.stdin.write(key);
    });
    const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
    const screen = new Terminal({ cols: 200, rows: 40, allowProposedApi: true });
    await new Promise<void>((done) => screen.write(written, done));
    const { active } = screen.buffer;
    const lines = Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? "");
    return { exitCode, output, lines: lines.filter((line) => line !== "") };
  }

  test.each([
    ["once", "\u0003"],
    ["twice", "\u0003\u0003"],
  ])("ends with 130 at Ctrl-C, pressed %s, and leaves no line of progress", async (_, keys) => {
    const { exitCode, lines, output } = await stopped(["--save-every", "2"], keys);
    expect(exitCode).toBe(130);
    expect(lines.join("\n")).not.toMatch(/[█░]/);
    if (keys.length > 1) return;
    expect(lines.at(-1)).toMatch(
      /^nanoadam: interrupted after \d+ of 1000000 steps; all is saved, and --resume \S+ goes on$/,
    );
    expect(readdirSync(join(output, "checkpoints")).length).toBeGreaterThan(0);
  });

  test("ends at once where it is not to be saved", async () => {
    const { exitCode, lines, output } = await stopped([], "\u0003");
    expect([exitCode, lines.at(-1), existsSync(output)]).toEqual([130, "interrupted", false]);
  });

  test("has neither colours nor other codes where CI is set", async () => {
    expect(await written(80, { CI: "true" })).not.toContain("\u001b");
  });
});
