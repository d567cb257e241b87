/** Runs that are interrupted and go on, and what the folders of two runs have in common. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AbortError } from "../errors.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { finetune } from "../recipes/finetune.js";
import { resumeFinetuning } from "../recipes/resume.js";
import type { TrainingObserver } from "../train/observer.js";

/** What cancels a run after a step. */
function cancellingAfter(step: number) {
  const controller = new AbortController();
  const observer: TrainingObserver = {
    onStep: (record) => {
      if (record.step === step) controller.abort();
    },
  };
  return { observers: [observer], signal: controller.signal, savesCancelled: true };
}

/** A run that is cancelled after each of these steps and goes on from there, to its end. */
export async function interruptedRun(input: FinetuneInput & { output: string }, steps: readonly number[]) {
  let saved = false;
  for (const step of steps) {
    const control = cancellingAfter(step);
    const work = saved ? resumeFinetuning(input.output, { ...control, ...rowsOf(input) }) : finetune(input, control);
    await work.then(
      () => Promise.reject(new Error(`the run was not interrupted after step ${step}`)),
      (error: unknown) => {
        if (!(error instanceof AbortError)) throw error;
      },
    );
    saved = true;
  }
  return resumeFinetuning(input.output, rowsOf(input));
}

/** Rows cannot be saved, and are given again. */
function rowsOf({ train }: FinetuneInput) {
  return typeof train === "string" ? {} : { changes: { train } };
}

/** All of a run's result but what depends on the clock: bytes of files by name, checkpoints left out. */
export async function resultOf(folder: string): Promise<Record<string, unknown>> {
  const names = (await readdir(folder)).filter((name) => name !== "checkpoints").sort();
  const contents = names.map(
    async (name) => [name, await comparable(name, await readFile(join(folder, name)))] as const,
  );
  return Object.fromEntries(await Promise.all(contents));
}

async function comparable(name: string, content: Buffer): Promise<unknown> {
  const text = () => content.toString("utf8");
  if (name === "metrics.jsonl") return text().replace(/,"(tokens|examples)PerSecond":[^,}]*/g, "");
  if (name !== "summary.json") return content.toString("base64");
  const {
    run: _,
    wallSeconds,
    stepMilliseconds,
    peakRssBytes,
    configuration,
    ...rest
  } = JSON.parse(text()) as Record<string, unknown>;
  const { output, ...options } = configuration as Record<string, unknown>;
  return { ...rest, options, isTimed: [wallSeconds, stepMilliseconds, peakRssBytes, output].every(Boolean) };
}
