import { Command } from "commander";
import { compare } from "../compare/compare.js";
import { comparisonOptions } from "../compare/option-files.js";
import { compareSchema } from "../compare/options.js";
import { type StartCommand, startScript } from "../compare/run-process.js";
import { contestantsTable } from "../compare/tables.js";
import { markdownTable } from "../markdown-table.js";
import { compareProgress } from "./compare-progress.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { type Interruption, uninterrupted } from "./interrupt.js";
import { plainTable } from "./plain-table.js";
import type { Streams } from "./streams.js";
import { terminalOf } from "./terminal.js";

const examples = [
  "nanoadam compare --model bert-base --train reviews.tsv --text sentence --label label --output comparison",
  "nanoadam compare --model bert-base --train reviews.tsv --text sentence --label label --optimizers nanoadam,adamw,sgd --learning-rates adamw=1e-4:3e-4 --output comparison",
  "nanoadam compare --preset study/ablation --model bert-base --train reviews.tsv --output ablation",
];

/** Flags that are no options of a comparison. */
interface OwnFlags {
  readonly preset?: string;
  readonly config?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** `nanoadam compare`: optimizers on the same task, over learning rates and seeds; `start` runs each of them. */
export function compareCommand(
  streams: Streams = process,
  interruption: Interruption = uninterrupted,
  start: StartCommand = startScript(),
): Command {
  const command = new Command("compare").description(
    "Compare optimizers over learning rates and seeds. The same command again goes on where it was stopped.",
  );
  return addHelpTail(addFlags(command, compareSchema), { examples, withTasks: true })
    .option("--preset <NAME>", "options of a preset, such as study/ablation; flags and --config win over it")
    .option("--config <FILE>", "options of a YAML file, by their names in the API; flags win over it")
    .option("--quiet", "print nothing but errors")
    .option("--json", "print the comparison as JSON, and nothing else")
    .action(async ({ preset, config, quiet, json, ...flags }: Flags & OwnFlags) => {
      const direct = optionsOfFlags(compareSchema, flags);
      const options = await comparisonOptions({ direct, preset, config });
      const isSilent = quiet === true || json === true;
      const progress = isSilent ? undefined : compareProgress({ stream: streams.stderr });
      if (progress !== undefined) interruption.printWith(progress.print, progress.end);
      interruption.finishFirst("ending the runs under way");
      const { signal } = interruption;
      const onNotice = progress?.print;
      const comparison = await compare(options, {
        start,
        signal,
        ...progress,
        ...(onNotice === undefined ? {} : { onNotice }),
      }).finally(() => progress?.end());
      if (json === true) streams.stdout.write(`${JSON.stringify(comparison, null, 2)}\n`);
      if (isSilent) return;
      const table = contestantsTable(comparison);
      const { isLive, columns } = terminalOf(streams.stdout);
      streams.stdout.write(isLive ? plainTable(table, columns()) : markdownTable(table));
      streams.stdout.write(`written to ${options.output}\n`);
    });
}
