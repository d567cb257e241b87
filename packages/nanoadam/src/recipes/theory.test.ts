/** `nanoadam theory`, short. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";

test("writes a page that needs nothing else, and its numbers", async () => {
  const output = join(await temporaryFolder(), "theory");
  const { stdout, stderr, exitCode } = await runCli(
    "theory",
    "--output",
    output,
    "--seeds",
    "2",
    "--steps",
    "60",
    "--threads",
    "1",
  );
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(/Theorem 2.2: the error goes as epsilon to the power \d\.\d{3}/);
  const html = await readFile(join(output, "theory.html"), "utf8");
  for (const heading of ["Figure 3", "Figure 7", "Tables 8 and 9", "Lemma E.2", "Theorem 2.2", "invariant"]) {
    expect(html).toContain(heading);
  }
  expect(html.match(/<svg /g)).toHaveLength(9);
  expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  expect(html).not.toMatch(/NaN|undefined/);
  const { contests, ranges, checks } = JSON.parse(await readFile(join(output, "theory.json"), "utf8"));
  expect(contests).toHaveLength(10 * 8);
  expect(ranges).toHaveLength(8);
  expect(checks.theorem.slopes).toHaveLength(2);
});

test("refuses what it cannot do", async () => {
  expect(await runCli("theory", "--seeds", "0")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("--seeds"),
  });
});
