/** What a result is made from is never replaced by it, an adapter's base included, whatever `--overwrite` says. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";

test.each(["finetune", "export", "compare", "predict"])("%s", async (command) => {
  const place = await tinyPlace();
  const { folder: adapter } = await tinyRun({ loraRank: 2, output: join(place.folder, "adapter") }, place);
  await writeFile(join(place.model, "notes.csv"), "of the base");
  const run = ["--train", place.train, "--text", "sentence", "--label", "label", "--steps", "1", "--batch-size", "8"];
  const flags: Readonly<Record<string, readonly string[]>> = {
    finetune: [...run, "--output", place.model],
    export: ["--merge", "--output", place.model],
    compare: [...run, "--optimizers", "adamw", "--output", place.model],
    predict: ["--data", place.evaluation, "--text", "sentence", "--output", join(place.model, "notes.csv")],
  };
  const before = await contentOf(place.model);
  const { exitCode, stderr } = await runCli(command, "--model", adapter, "--overwrite", ...(flags[command] ?? []));
  expect(exitCode).toBe(1);
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^nanoadam: The output (folder|file) \S+ (is|has|holds) /);
  expect(await contentOf(place.model)).toEqual(before);
});

async function contentOf(folder: string): Promise<[string, string][]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), "latin1")]));
}
