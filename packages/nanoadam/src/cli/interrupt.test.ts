/** Signals to the real command. */
import { spawn } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { builtCommand, isBuilt } from "../testing/crash/child.js";
import { type TinyPlace, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { listenToSignals } from "./interrupt.js";

const endless = (place: TinyPlace, output: string) => [
  ...["finetune", "--model", place.model, "--train", place.train, "--text", "sentence", "--label", "label"],
  ...["--steps", "1000000", "--batch-size", "8", "--threads", "1", "--output", output, "--overwrite"],
];

/** Starts the command, sends it a signal once it has printed `when`, and waits for its end. */
async function interrupted(flags: readonly string[], when: RegExp, signal: NodeJS.Signals) {
  const child = spawn(process.execPath, [builtCommand, ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (!when.test(stderr) && when.test(stderr + text)) child.kill(signal);
    stderr += text;
  });
  const exitCode = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exitCode, last: stderr.trimEnd().split("\n").at(-1) };
}

test.skipIf(!isBuilt).each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)(
  "%s ends a run at once with %i and leaves the earlier output alone (needs npm run build)",
  async (signal, code) => {
    const place = await tinyPlace();
    const { folder } = await tinyRun({ steps: 1 }, place);
    const before = [await readdir(place.folder), await readdir(folder)];
    expect(await interrupted(endless(place, folder), /before: /, signal)).toEqual({
      exitCode: code,
      last: "interrupted",
    });
    expect([await readdir(place.folder), await readdir(folder)]).toEqual(before);
  },
);

test.skipIf(!isBuilt).each([
  ["SIGTERM", 143],
  ["SIGKILL", null],
] as const)(
  "a comparison's run ends with it, by %s too (needs npm run build)",
  { timeout: 300_000 },
  async (signal, code) => {
    const place = await tinyPlace();
    const temporary = join(place.folder, "temporary");
    await mkdir(temporary);
    const [, ...flags] = endless(place, join(place.folder, "comparison"));
    const compare = ["compare", ...flags, "--optimizers", "adamw", "--learning-rates", "adamw=1e-3"];
    const child = spawn(process.execPath, [builtCommand, ...compare], {
      stdio: "ignore",
      env: { ...process.env, TMPDIR: temporary },
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const wait = { timeout: 120_000 };
    // The run has begun to write.
    await expect
      .poll(() => readdir(temporary, { recursive: true }).then((names) => names.join()), wait)
      .toMatch(/metrics/);
    child.kill(signal);
    expect(await ended).toBe(code);
    // A run that goes on would keep its folder, or make it again; one that is orphaned takes its own part along.
    await expect
      .poll(
        () => readdir(temporary, { recursive: true }).then((names) => names.filter((name) => /metrics/.test(name))),
        wait,
      )
      .toEqual([]);
    if (signal === "SIGTERM") expect(await readdir(temporary)).toEqual([]);
  },
);

test("what is being finished is told at the first signal; a second ends", () => {
  const listeners = new Map<string, () => void>();
  const [told, exits]: [string[], number[]] = [[], []];
  const process_ = {
    on: (name: string, listener: () => void) => listeners.set(name, listener),
    exit: (code: number) => exits.push(code),
  };
  const { interruption, exitCode } = listenToSignals(process_ as never, (text) => told.push(text));
  interruption.finishFirst("the result is being written");
  listeners.get("SIGTERM")?.();
  expect(told).toEqual(["nanoadam: the result is being written; again ends at once\n"]);
  expect([exits, exitCode(), interruption.signal.aborted]).toEqual([[], 143, true]);
  listeners.get("SIGINT")?.();
  expect(exits).toEqual([143]);
});
