/**
 * Whole runs that are killed at any moment, or whose disk fails at any call: the earlier model or the new one is in the output, and a
 * model that was trained is somewhere. `npm run crash -- --rounds 300 --seed 1` does more of them.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openModelFolder } from "../checkpoint/adapter.js";
import { builtCommand, type Circumstances, type Fault, isBuilt, runWithFault } from "../testing/crash/child.js";
import { seededUniform } from "../testing/tiny-checkpoint.js";
import { tinyPlace } from "../testing/tiny-run.js";

const rounds = Number(process.env.CRASH_ROUNDS ?? 4);
const seed = Number(process.env.CRASH_SEED ?? 1);

/** The seed of the run that the model in a folder came from; throws where the folder is no whole model. */
async function seedOfModel(folder: string): Promise<number> {
  const checkpoint = await openModelFolder(folder);
  try {
    for (const name of checkpoint.entries.keys()) await checkpoint.readFloat32(name);
  } finally {
    await checkpoint.close();
  }
  return (JSON.parse(await readFile(join(folder, "summary.json"), "utf8")) as { seed: number }).seed;
}

test.skipIf(!isBuilt)(
  `the earlier or the new model after ${rounds} runs that were killed or failed (needs npm run build)`,
  { timeout: 60_000 + 30_000 * rounds },
  async () => {
    const place = await tinyPlace();
    const output = join(place.folder, "out");
    const temporary = join(place.folder, "temporary");
    await mkdir(temporary);
    const count = join(place.folder, "count");
    const script = (own: number) => [
      ...[builtCommand, "finetune", "--model", place.model, "--train", place.train, "--text", "sentence"],
      ...["--label", "label", "--steps", "3", "--batch-size", "8", "--threads", "1", "--seed", String(own)],
      ...["--overwrite", "--output", output],
    ];
    const started = performance.now();
    const first = await runWithFault(script(0), undefined, { temporary }, { countIn: count });
    expect(first, first.stderr).toMatchObject({ exitCode: 0 });
    const took = performance.now() - started;
    const calls = Number(await readFile(count, "utf8"));

    const uniform = seededUniform(seed);
    const below = (bound: number) => Math.floor(uniform() * bound);
    let current = 0;
    const done = { signals: 0, faults: 0 };
    for (let round = 1; round <= rounds; round++) {
      const kind = ["kill", "kill", "EIO", "ENOSPC"][below(4)] ?? "kill";
      // Most of what may go wrong is at the end.
      const at = 1 + (below(2) === 0 ? below(calls + 4) : calls - below(Math.min(calls, 16)));
      const fault: Fault = { at, kind, stays: kind !== "kill" && below(3) === 0 };
      const circumstances: Circumstances = { temporary, noExchange: below(2) === 0, inside: below(4) === 0 };
      const signal = below(4) === 0 ? (["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"] as const)[below(4)] : undefined;
      const ended =
        signal === undefined
          ? await runWithFault(script(round), fault, circumstances)
          : await runWithFault(script(round), undefined, circumstances, { signal, after: uniform() * 1.1 * took });
      const story = JSON.stringify({ round, fault: signal ?? fault, circumstances, ended });
      done[signal !== undefined || kind === "kill" ? "signals" : "faults"]++;
      expect(ended.stderr, story).not.toMatch(/^\s+at /m);
      const found = await seedOfModel(output);
      expect([current, round], story).toContain(found);
      current = found;
      const isSignalled = [129, 130, 143].includes(ended.exitCode ?? 0);
      if (signal !== undefined)
        expect(ended.exitCode === 0 || isSignalled || ended.endedBy === signal, story).toBe(true);
      if (ended.endedBy === null && ended.exitCode !== 0 && !isSignalled) {
        const line = ended.stderr.trim().split("\n").at(-1) ?? "";
        expect(line, story).toMatch(/^nanoadam: [^\n]+$/);
        expect(line, story).not.toMatch(/a fault of nanoadam/);
        const [, kept] = /(?:whole in|weights are in|files are in) (\/\S+?)[;,]/.exec(line) ?? [];
        if (kept !== undefined) expect(existsSync(kept), story).toBe(true);
      }
    }
    process.stdout.write(`${done.signals} signals, ${done.faults} faults, nothing lost\n`);
    const last = await runWithFault(script(-1 + 2 ** 31), undefined, { temporary });
    expect(last, last.stderr).toMatchObject({ exitCode: 0 });
    expect((await readdir(place.folder)).filter((name) => name.includes("nanoadam-"))).toEqual([]);
  },
);
