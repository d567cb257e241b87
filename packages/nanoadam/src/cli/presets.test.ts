/** Presets and option files through the command line. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { tinyRows, writeTinyData } from "../testing/tiny-data.js";

test("presets lists them, and prints one as it is", async () => {
  expect((await runCli("presets")).stdout.split("\n")).toContain("glue/cola");
  expect((await runCli("presets", "glue/qqp")).stdout).toContain("maskInterval: 711\n");
  const unknown = await runCli("presets", "glue/wnli");
  expect(unknown.exitCode).toBe(1);
  expect(unknown.stderr).toMatch(
    /^nanoadam: there is no preset "glue\/wnli"; did you mean glue\/\w+\? Expected one of .*\n$/,
  );
});

test("finetune says of a comparison's preset whose it is, and compare of a run's", async () => {
  const files = ["--model", "model", "--train", "train.tsv", "--output", "output"];
  const run = await runCli("finetune", "--preset", "study/ablation", ...files);
  expect(run).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("nanoadam compare --preset study/abl") });
  const comparison = await runCli("compare", "--preset", "glue/cola", ...files);
  expect(comparison.exitCode).toBe(1);
  expect(comparison.stderr).toMatch(/^nanoadam: preset glue\/cola is for one run, .*comparisons have study\/abl.*\n$/);
});

test("flags win over --config, and --config over --preset", async () => {
  const folder = await temporaryFolder();
  const model = await writeTinyCheckpoint(join(folder, "model"));
  const data = await writeTinyData(join(folder, "data.tsv"), tinyRows(16));
  const config = join(folder, "mine.yaml");
  await writeFile(config, "density: 0.5\nfinalDensity: 0.25\nseed: 5\nthreads: 1\n");
  const output = join(folder, "output");
  const { exitCode, stderr } = await runCli(
    "finetune",
    ...["--preset", "glue/cola", "--config", config, "--steps", "2", "--seed", "7", "--max-length", "16"],
    ...["--model", model, "--train", data, "--output", output, "--quiet"],
  );
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  const { configuration } = JSON.parse(await readFile(join(output, "summary.json"), "utf8"));
  expect(configuration).toMatchObject({ density: 0.5, finalDensity: 0.25, seed: 7, steps: 2, maskInterval: 6 });
  expect(configuration).not.toHaveProperty("epochs");
});

test("options that do not go together are named where they were given", async () => {
  const files = ["--model", "model", "--train", "train.tsv", "--output", "output"];
  const { exitCode, stderr } = await runCli("finetune", "--preset", "glue/cola", "--density", "0.02", ...files);
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    "nanoadam: preset glue/cola: finalDensity is 0.04, expected at most --density 0.02, or a --density-schedule\n",
  );
});

test("--print-config prints the options in force as a file for --config, which gives the same", async () => {
  const folder = await temporaryFolder();
  const printed = await runCli(
    "finetune",
    "--preset",
    "glue/cola",
    "--steps",
    "2",
    "--model",
    "m",
    "--train",
    "t.tsv",
    "--print-config",
  );
  expect(printed).toMatchObject({ exitCode: 0, stderr: "" });
  expect(printed.stdout).toMatch(/^maskInterval: 6$/m);
  expect(printed.stdout).toMatch(/^output: t-model$/m);
  const config = join(folder, "printed.yaml");
  await writeFile(config, printed.stdout);
  expect(await runCli("finetune", "--config", config, "--print-config")).toEqual(printed);
  const wrong = await runCli("finetune", "--model", "m", "--print-config");
  expect(wrong).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("--train is needed") });
});
