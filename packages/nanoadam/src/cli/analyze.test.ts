import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
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

test("flags win over --config, and that over --preset, as in finetune", async () => {
  const config = join(await temporaryFolder(), "mine.yaml");
  await writeFile(config, "density: 0.5\nfinalDensity: 0.25\nsteps: 9\nseed: 5\nat: 2\n");
  const { output, stderr } = await analyzed(
    "--preset",
    "glue/cola",
    "--config",
    config,
    "--seed",
    "7",
    "--max-length",
    "16",
    "--quiet",
  );
  expect(stderr).toBe("");
  const { configuration } = JSON.parse(await readFile(join(output, "summary.json"), "utf8"));
  expect(configuration).toMatchObject({
    density: 0.5,
    finalDensity: 0.25,
    seed: 7,
    steps: 4,
    at: ["2"],
    maskInterval: 6,
  });
});

test("a file's options are those of the command, and errors name the file", async () => {
  const config = join(await temporaryFolder(), "mine.yaml");
  await writeFile(config, "saveEvery: 2\n");
  expect((await analyzed("--config", config)).stderr).toContain(`${config}: there is no option saveEvery`);
  const { stderr } = await analyzed("--preset", "glue/cola", "--density", "0.02");
  expect(stderr).toMatch(/^nanoadam: preset glue\/cola: finalDensity is 0.04, expected at most --density 0.02/);
});
