/** The built command in a terminal of its own (a pseudo-terminal, by the program `script`). */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
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

  test("has neither colours nor other codes where CI is set", async () => {
    expect(await written(80, { CI: "true" })).not.toContain("\u001b");
  });
});
