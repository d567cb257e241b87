/** One seed, one file: on one machine a run repeats its bits, whatever the home folder and the process (docs/reliability.md). */
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { builtCommand, isBuilt } from "../testing/crash/child.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";

const weights = (folder: string) => readFile(join(folder, "model.safetensors"), "base64");

test.each(["native", "wasm"] as const)("two runs of one seed write the same weights, by %s", async (engine) => {
  const place = await tinyPlace();
  const options = { engine, steps: 6, seed: 11 };
  const [one, other] = [await tinyRun(options, place), await tinyRun(options, place)];
  expect((await weights(one.folder)) === (await weights(other.folder))).toBe(true);
  const another = await tinyRun({ ...options, seed: 12 }, place);
  expect((await weights(one.folder)) === (await weights(another.folder))).toBe(false);
});

test.skipIf(!isBuilt)(
  "and so do other processes, with a home folder that is empty, missing or not writable (needs npm run build)",
  async () => {
    const place = await tinyPlace();
    const homes = ["empty", "read-only", "missing"].map((name) => join(place.folder, name));
    for (const home of homes.slice(0, 2)) await mkdir(home);
    await chmod(join(place.folder, "read-only"), 0o500);
    const written = homes.map((home) => {
      const output = `${home}-output`;
      const flags = ["--text", "sentence", "--label", "label", "--steps", "6", "--batch-size", "8", "--threads", "1"];
      const { status, stderr } = spawnSync(
        process.execPath,
        [builtCommand, "finetune", "--model", place.model, "--train", place.train, ...flags, "--output", output],
        { env: { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: home }, encoding: "utf8" },
      );
      expect(status, stderr).toBe(0);
      return weights(output);
    });
    expect(new Set(await Promise.all(written)).size).toBe(1);
  },
);
