/** A folder whose run was killed between the two renames of its commit is whole to whatever opens it. */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ownedName } from "../files/owned.js";
import { runCli } from "../testing/run-cli.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";

/** Puts a folder where a killed run leaves its result and the earlier one: nothing is in its own place. */
async function halfReplace(parent: string, name: string): Promise<void> {
  const work = join(parent, ownedName(name).replace(`-${process.pid}-`, "-99999999-"));
  await mkdir(join(work, "previous"), { recursive: true });
  await writeFile(join(work, "journal.json"), '{"replaces":"folder"}');
  await rename(join(parent, name), join(work, "result"));
}

test("predict, evaluate, export and finetune finish the commit, and then read the folder", async () => {
  const place = await tinyPlace();
  const { folder: adapter } = await tinyRun({ loraRank: 2, output: join(place.folder, "adapter") }, place);
  const data = ["--text", "sentence", "--label", "label"];
  const short = ["--steps", "1", "--batch-size", "8", "--threads", "1", "--quiet"];
  const commands = [
    ["predict", "--model", adapter, "--text", "good film"],
    ["evaluate", "--model", adapter, "--data", place.evaluation, ...data],
    ["export", "--model", adapter, "--merge", "--output", join(place.folder, "merged")],
    ["finetune", "--model", adapter, "--train", place.train, ...data, ...short, "--output", join(place.folder, "more")],
  ];
  for (const lost of ["adapter", "model"]) {
    for (const command of commands) {
      await halfReplace(place.folder, lost);
      const { exitCode, stderr } = await runCli(...command);
      expect(exitCode, `${command[0]}, ${lost}: ${stderr}`).toBe(0);
      expect(await readdir(place.folder)).toContain(lost);
      for (const made of ["merged", "more"]) await rm(join(place.folder, made), { recursive: true, force: true });
    }
  }
});
