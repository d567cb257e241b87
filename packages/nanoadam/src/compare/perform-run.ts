import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownedName } from "../files/owned.js";
import { readJsonObject } from "../files/read-json.js";
import { removeAtExit } from "../files/remove-at-exit.js";
import { commandLineFlags } from "./options.js";
import { runHistory } from "./run-history.js";
import type { ProcessOutcome, StartCommand } from "./run-process.js";
import { type RunReport, reportOf } from "./run-report.js";
import { finishedRun, type RunResult } from "./run-result.js";
import type { Run } from "./schedule.js";

export interface PerformOptions {
  /** The run's options of `finetune`, without learning rate, seed and output. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly jobs: number;
  readonly start: StartCommand;
  readonly signal: AbortSignal;
  /** Where to keep what the run's model has beside its base; not at all where absent. */
  readonly keep?: { readonly base: string; readonly path: string } | undefined;
  /** Called as the run goes on. */
  readonly onReport?: (report: RunReport) => void;
}

/** Whose folder a run's model is in, among the temporary ones. */
export const runFolderLabel = "compare";

/**
 * Fine-tunes in a process of its own and keeps nothing of the model, or what `keep` says.
 * @throws the signal's reason once it is aborted; whatever else ends the run is a failed result.
 */
export async function performRun(
  run: Run,
  { options, jobs, start, signal, keep, onReport }: PerformOptions,
): Promise<RunResult> {
  const folder = join(tmpdir(), ownedName(runFolderLabel));
  await mkdir(folder, { mode: 0o700 });
  const callOff = removeAtExit(folder);
  try {
    const output = join(folder, "model");
    const { learningRate, seed } = run;
    const { add, history } = runHistory();
    const flags = commandLineFlags({ ...options, learningRate, seed, output });
    const outcome = await start(["finetune", "--json", "--progress-json", ...flags], signal, (line) => {
      const report = reportOf(line);
      if (report === undefined) return;
      add(report);
      onReport?.(report);
    });
    signal.throwIfAborted();
    if (outcome.exitCode === 0) {
      if (keep !== undefined) {
        const flags = commandLineFlags({ model: output, base: keep.base, output: keep.path, overwrite: true });
        const kept = await start(["delta", ...flags], signal);
        signal.throwIfAborted();
        if (kept.exitCode !== 0) {
          return { ...run, jobs, failure: `its model could not be kept: ${failureOf(kept)}`, diverged: false };
        }
      }
      return finishedRun(run, jobs, outcome.stdout, history);
    }
    const divergence = await divergenceIn(output);
    return { ...run, jobs, failure: divergence ?? failureOf(outcome), diverged: divergence !== undefined };
  } finally {
    await rm(folder, { recursive: true, force: true });
    callOff();
  }
}

/** Why a run stopped, from the summary that runs which diverged leave too. */
async function divergenceIn(output: string): Promise<string | undefined> {
  const summary = (await readJsonObject(join(output, "summary.json"))) as
    | { readonly stopped?: { readonly reason: string } }
    | undefined;
  return summary?.stopped?.reason;
}

/** The command line's one line of error, else how the process ended. */
function failureOf({ exitCode, endedBy, stderr }: ProcessOutcome): string {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && reportOf(line) === undefined);
  const told = lines.find((line) => line.startsWith(prefix))?.slice(prefix.length) ?? lines.at(-1);
  if (told !== undefined) return told;
  return endedBy === null ? `the run ended with exit code ${exitCode}` : `the run was ended by ${endedBy}`;
}

const prefix = "nanoadam: ";
