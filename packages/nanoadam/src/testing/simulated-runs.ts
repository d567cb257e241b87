import type { ProcessOutcome, StartCommand } from "../compare/run-process.js";
import { type FinishedRun, finishedRun } from "../compare/run-result.js";
import { type Run, runName } from "../compare/schedule.js";

/** A run with an accuracy; its other figures follow from it, so that tests can tell them apart. */
export function finished(run: Run, accuracy: number, jobs = 1): FinishedRun {
  return finishedRun(run, jobs, summaryOf(accuracy));
}

function summaryOf(accuracy: number): string {
  return JSON.stringify({
    parameters: { total: 1000, everChanged: { count: 100 * accuracy, share: accuracy / 10 }, meanShift: 2 * accuracy },
    evaluation: { before: { loss: 1, accuracy: 0 }, final: { loss: 1 - accuracy, accuracy } },
    wallSeconds: 75,
    stepMilliseconds: 100 * accuracy,
    peakRssBytes: 1e9 * accuracy,
    optimizerStateBytes: 1e6 * accuracy,
  });
}

/** What a simulated run does: reach an accuracy, or fail with a line. */
export type Fate = number | string;

/** A command line whose runs end as told, by their name (`adamw-1e-3-0`), and the flags that each was started with. */
export function simulatedRuns(fate: (name: string) => Fate): {
  readonly start: StartCommand;
  readonly started: { readonly name: string; readonly flags: Readonly<Record<string, string | undefined>> }[];
} {
  const started: { name: string; flags: Record<string, string | undefined> }[] = [];
  const start: StartCommand = async (arguments_) => {
    const flags = parseFlags(arguments_);
    const lora = flags["lora-rank"] === undefined ? "" : "lora+";
    const learningRate = Number(flags["learning-rate"]);
    const name = runName({ optimizer: `${lora}${flags.optimizer}`, learningRate, seed: Number(flags.seed) });
    started.push({ name, flags });
    const end = fate(name);
    return typeof end === "number" ? ended(0, summaryOf(end), "") : ended(1, "", `nanoadam: ${end}\n`);
  };
  return { start, started };
}

function ended(exitCode: number, stdout: string, stderr: string): ProcessOutcome {
  return { exitCode, endedBy: null, stdout, stderr };
}

/** Each flag with what follows it. */
function parseFlags(arguments_: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(
    arguments_.flatMap((argument, i) => (argument.startsWith("--") ? [[argument.slice(2), arguments_[i + 1]]] : [])),
  );
}
