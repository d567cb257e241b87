import { describe, expect, test } from "vitest";
import { taskNames } from "../tasks/registry.js";
import { runCommandLine } from "./command-line.js";
import { commandLine, taskHelp } from "./help.js";

/** What a command line prints in a window. */
async function printed(columns: number, ...arguments_: readonly string[]): Promise<string> {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text), isTTY: true, columns };
  expect(await runCommandLine(arguments_, { stdout: stream, stderr: stream })).toBe(0);
  return written.join("");
}

const commands = [
  "finetune",
  "evaluate",
  "predict",
  "export",
  "compare",
  "continual",
  "presets",
  "init",
  "demo",
  "theory",
  "reproduce",
];

describe.each([80, 60, 40])("in a window of %i columns", (columns) => {
  test.each([["--help"], [], ...commands.map((command) => [command, "--help"])])(
    "%j %j fits",
    async (...arguments_) => {
      const help = await printed(columns, ...arguments_.filter((each) => typeof each === "string"));
      // A flag with its value stays in one piece.
      const tooLong = help.split("\n").filter((line) => line.length > columns && line.trim().includes("  "));
      expect(tooLong).toEqual([]);
      for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(Math.max(columns, 50));
    },
  );
});

test("flags are in groups, the usual ones first, with their short names", async () => {
  const help = await printed(80, "finetune", "--help");
  const groups = help.split("\n").filter((line) => /^[A-Z]\w+:$/.test(line));
  expect(groups).toEqual(["Usual:", "Optimizer:", "Adapter:", "Advanced:", "Tasks:", "Examples:"]);
  expect(help).toMatch(/Usual:\n {2}-m, --model <DIR> /);
  expect(help).toMatch(/--lr, --learning-rate <X>[\s\S]+--batch, --batch-size <N>[\s\S]+Optimizer:\n {2}--optimizer /);
  expect(help).toMatch(/Adapter:\n {2}--lora-rank [\s\S]+Advanced:[\s\S]+--seed /);
});

test("every flag tells its default at most once", async () => {
  for (const command of commands) {
    const help = await printed(200, command, "--help");
    for (const line of help.split("\n")) expect(line.split("(default").length).toBeLessThanOrEqual(2);
  }
});

test("tasks are listed with options as flags", () => {
  const help = taskHelp(80);
  for (const name of taskNames) expect(help).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
  expect(help).toContain("--label");
  expect(help).not.toMatch(/`|undefined/);
});

test("a long command line goes on in lines that a shell takes as one", () => {
  expect(commandLine('nanoadam predict --model my-model --text "I want my money" --json', 40)).toBe(
    ["  $ nanoadam predict --model my-model \\", '      --text "I want my money" --json'].join("\n"),
  );
});
