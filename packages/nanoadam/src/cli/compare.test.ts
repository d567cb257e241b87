/** Whole comparisons on a tiny checkpoint, through the command and the flags that it gives to `finetune`. */
import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Comparison } from "../compare/comparison.js";
import { type StartCommand, startScript } from "../compare/run-process.js";
import { capture, runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { tinyRows, writeTinyData } from "../testing/tiny-data.js";
import { compareCommand } from "./compare.js";
import { uninterrupted } from "./interrupt.js";

/** The real command line, but in this process: starting Node for every run would take most of the tests' time. */
const startHere: StartCommand = async (arguments_) => ({ ...(await runCli(...arguments_)), endedBy: null });

async function workplace(start: StartCommand = startHere) {
  const folder = await temporaryFolder();
  const output = join(folder, "comparison");
  const shared = [
    ...["--model", await writeTinyCheckpoint(join(folder, "model"))],
    ...["--train", await writeTinyData(join(folder, "train.tsv"), tinyRows(32))],
    ...["--text", "sentence", "--label", "label", "--output", output],
    ...["--steps", "4", "--batch-size", "8", "--threads", "1"],
  ];
  return {
    output,
    async compare(...flags: string[]) {
      const { streams, printed } = capture();
      await compareCommand(streams, uninterrupted, start).parseAsync([...shared, ...flags], { from: "user" });
      return printed();
    },
  };
}

describe("two optimizers at two rates with two seeds", () => {
  const flags = ["--learning-rates", "nanoadam=1e-3:1e-2,adamw=1e-3:1e30", "--seeds", "2"];

  test("are compared, what diverges is told, and what is missing is run again", async () => {
    const { compare, output } = await workplace();
    const first = await compare(...flags);
    const comparison = JSON.parse(await readFile(join(output, "comparison.json"), "utf8")) as Comparison;

    expect(comparison.progress).toEqual({ ended: 6, planned: 6 });
    expect(comparison.optimizers.map(({ optimizer, best }) => [optimizer, best?.score.seeds])).toEqual([
      ["nanoadam", [0, 1]],
      ["adamw", [0, 1]],
    ]);
    const [nanoadam, adamw] = comparison.optimizers.map(({ best }) => best);
    expect(adamw?.learningRate).toBe(1e-3);
    expect(nanoadam?.optimizerStateBytes).toBeLessThan(adamw?.optimizerStateBytes ?? 0);
    expect(nanoadam?.everChangedShare).toBeLessThan(adamw?.everChangedShare ?? 0);
    expect(nanoadam?.meanShift).toBeGreaterThan(0);
    expect(await readdir(output)).toEqual([
      ...["comparison.html", "comparison.json", "comparison.md", "configuration.json", "runs"],
    ]);

    expect(first.stderr.trimEnd().split("\n")).toHaveLength(6);
    expect(first.stderr).toMatch(/^1 of 6: nanoadam, learning rate 1e-3, seed 0: accuracy \d\.\d{4} \(\d+s\)\n/);
    expect(first.stderr).toMatch(/4 of 6: adamw, learning rate 1e30, seed 0: failed: .*step 2 with learning rate/);
    expect(first.stdout).toMatch(/^\| optimizer \| accuracy \|.*\| nanoadam \|.*\| adamw \|.*written to /s);

    await rm(join(output, "runs", "adamw-1e-3-1.json"));
    const second = await compare(...flags);
    expect(second.stderr).toMatch(/^6 of 6: adamw, learning rate 1e-3, seed 1: [^\n]+\n$/);
    expect((await compare("--json", ...flags)).stderr).toBe("");
  });
});

test("bad data is the run's own one line of error", async () => {
  const { compare, output } = await workplace();
  await expect(compare("--label", "intent")).rejects.toThrow(/train\.tsv has no column "intent"/);
  expect(existsSync(output)).toBe(false);
});

const isBuilt = existsSync(fileURLToPath(new URL("../../dist/cli/compare.js", import.meta.url)));

test.skipIf(!isBuilt)("a run is a process of the installed command (needs npm run build)", async () => {
  const { compare } = await workplace(startScript());
  const { stdout } = await compare("--json", "--optimizers", "nanoadam", "--learning-rates", "1e-3", "--seeds", "1");
  const { optimizers } = JSON.parse(stdout) as Comparison;
  expect(optimizers[0]?.best?.peakRssBytes).toBeGreaterThan(5e7);
});

test("models are kept as what they changed of their base, and come back whole", async () => {
  const { compare, output } = await workplace();
  await compare("--optimizers", "nanoadam", "--learning-rates", "1e-3", "--seeds", "2", "--keep-models", "delta");
  const kept = (await readdir(join(output, "runs"))).filter((name) => name.endsWith(".safetensors")).sort();
  expect(kept).toEqual(["nanoadam-1e-3-0.safetensors", "nanoadam-1e-3-1.safetensors"]);
  const [delta = ""] = kept;
  const model = join(output, "..", "rebuilt");
  const base = join(output, "..", "model");
  await runCli("apply", "--base", base, "--delta", join(output, "runs", delta), "--output", model);
  const data = join(output, "..", "train.tsv");
  const report = await runCli(
    "evaluate",
    "--model",
    model,
    "--data",
    data,
    "--label",
    "label",
    "--threads",
    "1",
    "--json",
  );
  expect(JSON.parse(report.stdout)).toMatchObject({ evaluation: { accuracy: expect.any(Number) } });
});
