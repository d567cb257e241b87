import { Command } from "commander";
import { compare } from "../compare/compare.js";
import type { Comparison } from "../compare/comparison.js";
import { formatRate } from "../compare/learning-rates.js";
import { markdownTable } from "../compare/markdown.js";
import { compareSchema } from "../compare/options.js";
import { metricOfRun } from "../compare/results.js";
import { type StartCommand, startScript } from "../compare/run-process.js";
import { isFinished, type RunResult } from "../compare/run-result.js";
import { contestantsTable } from "../compare/tables.js";
import { formatSeconds } from "../format.js";
import { withFlags } from "./flag-names.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { interruptSignal } from "./interrupt.js";
import type { Streams } from "./streams.js";

const examples = [
  "nanoadam compare --model bert-base --train reviews.tsv --text sentence --label label --output comparison",
  "nanoadam compare --model bert-base --train reviews.tsv --text sentence --label label --optimizers nanoadam,adamw,sgd --learning-rates adamw=1e-4:3e-4 --output comparison",
];

/** `nanoadam compare`: optimizers on the same task, over learning rates and seeds; `start` runs each of them. */
export function compareCommand(streams: Streams = process, start: StartCommand = startScript()): Command {
  const command = new Command("compare").description(
    "Compare optimizers over learning rates and seeds. The same command again goes on where it was stopped.",
  );
  return addHelpTail(addFlags(command, compareSchema), { examples, withTasks: true })
    .option("--quiet", "print nothing but errors")
    .option("--json", "print the comparison as JSON, and nothing else")
    .action(async ({ quiet, json, ...flags }: Flags) => {
      const options = optionsOfFlags(compareSchema, flags);
      const isSilent = quiet === true || json === true;
      const { signal, release } = interruptSignal();
      const onResult = (result: RunResult, comparison: Comparison) => {
        if (!isSilent) streams.stderr.write(`${progressLine(result, comparison)}\n`);
      };
      const comparison = await compare(options, { start, signal, onResult }).finally(release);
      if (json === true) streams.stdout.write(`${JSON.stringify(comparison, null, 2)}\n`);
      if (!isSilent)
        streams.stdout.write(`${markdownTable(contestantsTable(comparison))}written to ${options.output}\n`);
    });
}

/** "3 of 12: nanoadam, learning rate 1e-3, seed 0: accuracy 0.8123 (2m 05s)". */
function progressLine(result: RunResult, { metric, progress }: Comparison): string {
  const { optimizer, learningRate, seed } = result;
  const run = `${progress.ended} of ${progress.planned}: ${optimizer}, learning rate ${formatRate(learningRate)}, seed ${seed}`;
  if (!isFinished(result)) return `${run}: failed: ${withFlags(result.failure)}`;
  const value = metricOfRun(result, metric)?.toFixed(4) ?? "none";
  return `${run}: ${metric.name} ${value} (${formatSeconds(result.summary.wallSeconds)})`;
}
