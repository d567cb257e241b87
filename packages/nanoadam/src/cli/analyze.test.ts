import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { tinyPlace } from "../testing/tiny-run.js";

async function analyzed(...flags: readonly string[]) {
  const { model, train, folder } = await tinyPlace();
  const output = join(folder, "seen");
  const run = ["--model", model, "--train", train, "--text", "sentence", "--label", "label", "--steps", "4"];
  return { output, ...(await runCli("analyze", ...run, "--output", output, ...flags)) };
}

test("it says what was found, and where the page is", async () => {
  const { exitCode, stdout, output } = await analyzed("--at", "0,100%");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/Over all layers r is [\d.e-]+ at step 0, [\d.e-]+ at step 4/);
  expect(stdout).toContain(`written to ${join(output, "analysis.html")}`);
  expect(await readdir(output)).not.toContain("model.safetensors");
});

test("--json prints the figures and nothing else", async () => {
  const { stdout, stderr } = await analyzed("--at", "2", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ format: 1, totalSteps: 4, probes: [{ step: 2 }] });
  expect(stderr).toBe("");
});

test("what only matters for a written model is no flag of it", async () => {
  const { exitCode, stderr } = await analyzed("--save-every", "2");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("--save-every");
});
