import { expect, test } from "vitest";
import { taskNames } from "../tasks/registry.js";
import { taskHelp } from "./task-help.js";

test("help has every task, with options as flags, in lines that fit a terminal", () => {
  const help = taskHelp();
  for (const name of taskNames) expect(help).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
  expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(help).toContain("--label");
  expect(help).not.toMatch(/`|undefined/);
});
