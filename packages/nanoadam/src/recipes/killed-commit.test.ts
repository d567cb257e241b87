/** A folder whose run was killed between the two renames of its commit is whole to whatever opens it. */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { ownedName } from "../files/owned.js";
import { startHub } from "../testing/hub-server.js";
import { runCli } from "../testing/run-cli.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";

/** Puts a folder where a killed run leaves its result and the earlier one: nothing is in its own place. */
async function halfReplace(parent: string, name: string): Promise<void> {
  const work = join(parent, ownedName(name).replace(`-${process.pid}-`, "-99999999-"));
  await mkdir(join(work, "previous"), { recursive: true });
  await writeFile(join(work, "journal.json"), '{"replaces":"folder"}');
  await rename(join(parent, name), join(work, "result"));
}

test("every command that reads a model finishes the commit, and then reads the folder", async () => {
  const place = await tinyPlace();
  const hub = await startHub({});
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_TOKEN", "hf_secret");
  vi.stubEnv("HF_HUB_OFFLINE", "");
  vi.stubEnv("HF_HOME", join(place.folder, "home"));
  onTestFinished(() => void vi.unstubAllEnvs());
  const { folder: adapter } = await tinyRun({ loraRank: 2, output: join(place.folder, "adapter") }, place);
  const data = ["--text", "sentence", "--label", "label"];
  const short = ["--steps", "1", "--batch-size", "8", "--threads", "1", "--quiet"];
  const commands = [
    ["predict", "--model", adapter, "--text", "good film"],
    ["evaluate", "--model", adapter, "--data", place.evaluation, ...data],
    ["export", "--model", adapter, "--merge", "--output", join(place.folder, "merged")],
    ["finetune", "--model", adapter, "--train", place.train, ...data, ...short, "--output", join(place.folder, "more")],
  ];
  const delta = join(place.folder, "delta.safetensors");
  const [merged, base] = [join(place.folder, "merged-once"), place.model];
  expect((await runCli("export", "--model", adapter, "--merge", "--output", merged)).exitCode).toBe(0);
  const between = ["delta", "--model", merged, "--base", base, "--output", delta, "--overwrite"];
  const rebuild = ["apply", "--delta", delta, "--base", base, "--output", join(place.folder, "rebuilt")];
  const lostBefore = [
    ...["adapter", "model"].flatMap((lost) => commands.map((command) => [lost, command] as const)),
    ...["merged-once", "model"].map((lost) => [lost, between] as const),
    ["model", rebuild] as const,
    ...["adapter", "merged-once"].map((lost) => [lost, ["push", join(place.folder, lost), `me/${lost}`]] as const),
  ];
  for (const [lost, command] of lostBefore) {
    await halfReplace(place.folder, lost);
    const { exitCode, stderr } = await runCli(...command);
    expect(exitCode, `${command[0]}, ${lost}: ${stderr}`).toBe(0);
    expect(await readdir(place.folder)).toContain(lost);
    for (const made of ["merged", "more", "rebuilt"])
      await rm(join(place.folder, made), { recursive: true, force: true });
  }
  expect([...hub.pushed.keys()]).toEqual(["me/adapter", "me/merged-once"]);
});
