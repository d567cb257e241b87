/**
 * Runs of the real command that are ended by signals, killed at any call and whose disk fails, and go on. `npm run crash -- --rounds 300`
 * does more of them, and has a run of 2,000 steps ended ten times.
 */
import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openModelFolder } from "../checkpoint/adapter.js";
import { readStates } from "../checkpoint/state-file.js";
import { reportOf } from "../compare/run-report.js";
import { finishCommit } from "../files/recover.js";
import { StepFolders } from "../files/step-folders.js";
import { builtCommand, type Fault, isBuilt, runWithFault } from "../testing/crash/child.js";
import { resultOf } from "../testing/resumed-run.js";
import { seededUniform } from "../testing/tiny-checkpoint.js";
import { type TinyPlace, tinyPlace } from "../testing/tiny-run.js";
import { readRunState, runFiles } from "./saved-run.js";

const rounds = Number(process.env.CRASH_ROUNDS ?? 6);
const seed = Number(process.env.CRASH_SEED ?? 1);
const longRun = Number(process.env.ENDURE_STEPS ?? 60);

const begun = ({ model, train }: TinyPlace, output: string, flags: readonly string[]) => [
  ...["finetune", "--model", model, "--train", train, "--text", "sentence", "--label", "label", "--output", output],
  ...["--batch-size", "8", "--threads", "1", "--overwrite", ...flags],
];

/** Runs the command, and sends it a signal after a step. */
async function endedAfter(step: number, signal: NodeJS.Signals, flags: readonly string[]) {
  const child = spawn(process.execPath, [builtCommand, ...flags, "--progress-json"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let [stderr, isSent] = ["", false];
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    const last = reportOf(stderr.trimEnd().split("\n").at(-1) ?? "");
    if (isSent || (last?.step ?? 0) < step) return;
    isSent = true;
    child.kill(signal);
  });
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exitCode, told: stderr.split("\n").filter((line) => line.startsWith("nanoadam")) };
}

test.skipIf(!isBuilt).each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)(
  "at %s a run finishes its step, saves, says how to go on, and ends with %i (needs npm run build)",
  async (signal, code) => {
    const place = await tinyPlace();
    const output = join(place.folder, "out");
    const { exitCode, told } = await endedAfter(
      3,
      signal,
      begun(place, output, ["--steps", "1000000", "--save-every", "2"]),
    );
    expect([exitCode, told.length], told.join()).toEqual([code, 2]);
    expect(told[0]).toBe("nanoadam: the step is finished and the run saved, and then it ends; again ends at once");
    const [, step] =
      /^nanoadam: interrupted after (\d+) of 1000000 steps; all is saved, and --resume \S+\/out goes on$/.exec(
        told[1] ?? "",
      ) ?? [];
    expect((await new StepFolders(output).steps()).at(-1), told[1]).toBe(Number(step));
  },
);

test.skipIf(!isBuilt)(
  `a run of ${longRun} steps that is ended again and again is, to the bit, the one that is not (needs npm run build)`,
  { timeout: 120_000 + 200 * longRun },
  async () => {
    const place = await tinyPlace();
    const [whole, cut] = [join(place.folder, "whole"), join(place.folder, "cut")];
    const flags = ["--steps", String(longRun), "--save-every", "7", "--eval-every", "25", "--best-by", "loss"];
    expect(await endedAfter(longRun + 1, "SIGINT", begun(place, whole, flags))).toMatchObject({ exitCode: 0 });
    const uniform = seededUniform(seed);
    const interruptions = longRun > 1000 ? 10 : 3;
    const steps = Array.from({ length: interruptions }, () => 1 + Math.floor(uniform() * 0.9 * longRun)).sort(
      (a, b) => a - b,
    );
    const signals = (["SIGINT", "SIGKILL", "SIGTERM", "SIGHUP"] as const).toSorted(() => uniform() - 0.5);
    for (const [index, step] of steps.entries()) {
      const isSaved = (await new StepFolders(cut).steps()).length > 0;
      const signal = signals[index % signals.length] ?? "SIGINT";
      const { exitCode } = await endedAfter(
        step,
        signal,
        isSaved ? ["finetune", "--resume", cut] : begun(place, cut, flags),
      );
      expect(exitCode, `${signal} after step ${step}`).toBe(
        { SIGINT: 130, SIGKILL: null, SIGTERM: 143, SIGHUP: 129 }[signal],
      );
    }
    const last = await endedAfter(longRun + 1, "SIGINT", ["finetune", "--resume", cut]);
    expect(last, last.told.join()).toMatchObject({ exitCode: 0 });
    expect(await resultOf(cut)).toEqual(await resultOf(whole));
  },
);

/** The steps that there are checkpoints of, each of which is whole. */
async function wholeSteps(output: string): Promise<number[]> {
  await finishCommit(output);
  const folders = new StepFolders(output);
  const steps = await folders.steps();
  for (const step of steps) {
    const folder = folders.path(step);
    const checkpoint = await openModelFolder(folder);
    for (const name of checkpoint.entries.keys()) await checkpoint.readFloat32(name);
    await checkpoint.close();
    expect((await readStates(join(folder, runFiles.optimizer))).size).toBeGreaterThan(0);
    expect((await readRunState(folder)).step).toBe(step);
  }
  return steps;
}

test.skipIf(!isBuilt)(
  `after each of ${rounds} kills and failures of the disk all checkpoints are whole, none is lost, and the run goes on (needs npm run build)`,
  { timeout: 120_000 + 30_000 * rounds },
  async () => {
    const place = await tinyPlace();
    const [whole, output] = [join(place.folder, "whole"), join(place.folder, "out")];
    const temporary = join(place.folder, "temporary");
    await mkdir(temporary);
    const flags = [
      "--steps",
      "12",
      "--save-every",
      "1",
      "--keep",
      "3",
      "--eval-every",
      "4",
      "--best-by",
      "accuracy",
      "--quiet",
    ];
    const count = join(place.folder, "count");
    const started = performance.now();
    const first = await runWithFault(
      [builtCommand, ...begun(place, whole, flags)],
      undefined,
      { temporary },
      { countIn: count },
    );
    const took = performance.now() - started;
    expect(first, first.stderr).toMatchObject({ exitCode: 0 });
    const calls = Number(await readFile(count, "utf8"));
    const expected = await resultOf(whole);

    const uniform = seededUniform(seed);
    const below = (bound: number) => Math.floor(uniform() * bound);
    let [saved, finished] = [0, 0];
    for (let round = 1; round <= rounds; round++) {
      const kind = ["kill", "kill", "kill", "ENOSPC", "EIO"][below(5)] ?? "kill";
      const fault: Fault = { at: 1 + below(calls), kind, stays: kind !== "kill" && below(2) === 0 };
      const byClock = below(4) === 0;
      const circumstances = { temporary, noExchange: below(3) === 0, inside: below(5) === 0 };
      const script = [
        builtCommand,
        ...(saved === 0 ? begun(place, output, flags) : ["finetune", "--quiet", "--resume", output]),
      ];
      const ended = byClock
        ? await runWithFault(script, undefined, circumstances, { signal: "SIGKILL", after: uniform() * took })
        : await runWithFault(script, fault, circumstances);
      const story = JSON.stringify({ round, saved, fault: byClock ? "clock" : fault, circumstances, ended });
      const steps = await wholeSteps(output).catch((error: unknown) =>
        Promise.reject(new Error(story, { cause: error })),
      );
      expect(steps.at(-1) ?? 0, story).toBeGreaterThanOrEqual(saved);
      expect(ended.stderr, story).not.toMatch(/a fault of nanoadam/);
      saved = steps.at(-1) ?? 0;
      // One that was killed just after its result was in place has nothing left to do.
      if (ended.exitCode !== 0 && !/has the result of this run already/.test(ended.stderr)) continue;
      finished++;
      expect(await resultOf(output), story).toEqual(expected);
      await rm(output, { recursive: true });
      saved = 0;
    }
    const script = [
      builtCommand,
      ...(saved === 0 ? begun(place, output, flags) : ["finetune", "--quiet", "--resume", output]),
    ];
    const last = await runWithFault(script, undefined, { temporary });
    expect(last, `${finished} finished; ${last.stderr}`).toMatchObject({ exitCode: 0 });
    expect(await resultOf(output)).toEqual(expected);
    const left = (await readdir(place.folder, { recursive: true })).filter((name) => /\.nanoadam-|earlier/.test(name));
    expect(left.filter((name) => !name.startsWith("temporary"))).toEqual([]);
  },
);
