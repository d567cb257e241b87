import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { keepRows } from "./results-file.js";

test("a row takes the place of the one that had its name, and the others stay", () => {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-bench-"));
  try {
    const file = join(folder, "results.json");
    const row = (name: string, value: number) => ({ name, value, unit: "ms" });
    keepRows(file, [row("a", 1), row("b", 2)], "one");
    keepRows(file, [row("c", 4), row("a", 3)], "another");
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual([
      { ...row("a", 3), machine: "another" },
      { ...row("b", 2), machine: "one" },
      { ...row("c", 4), machine: "another" },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
