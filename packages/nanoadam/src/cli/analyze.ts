import { join } from "node:path";
import { Command } from "commander";
import { type AnalyzeInput, analyzeSchema } from "../options/analyze-options.js";
import { parseFinetuneOptions } from "../options/finetune-options.js";
import { analyze } from "../recipes/analyze.js";
import { analysisFindings } from "../watch/findings.js";
import { addFlags, type Flags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { type Interruption, uninterrupted } from "./interrupt.js";
import { progressObserver } from "./progress.js";
import { addOptionFileFlags, type OptionFileFlags, runOptions } from "./run-options.js";
import type { Streams } from "./streams.js";
import { fitted, terminalOf } from "./terminal.js";

const examples = [
  "nanoadam analyze --model demo --train reviews.csv",
  "nanoadam analyze --model bert-base --train reviews.csv --optimizer adamw --from-scratch --at 0,100,50%,100%",
  "nanoadam analyze --preset glue/cola --model bert-base --train train.tsv --eval validation.tsv",
];

/** `nanoadam analyze`: where the large gradients of a fine-tuning lie. */
export function analyzeCommand(streams: Streams = process, interruption: Interruption = uninterrupted): Command {
  const command = new Command("analyze").description(
    "Fine-tune a checkpoint and look at its weights and gradients on the way. Writes figures and a page, and no model: finetune --analyze writes both.",
  );
  addHelpTail(addFlags(command, analyzeSchema), { examples, withTasks: true });
  return addOptionFileFlags(command)
    .option("--quiet", "print nothing but errors")
    .option("--json", "print the analysis as JSON, and nothing else")
    .action(async ({ quiet, json, preset, config, ...flags }: Flags & OptionFileFlags) => {
      const isSilent = quiet === true || json === true;
      const progress = isSilent ? undefined : progressObserver({ stream: streams.stderr, verbose: false });
      if (progress !== undefined) interruption.printWith(progress.print, progress.end);
      progress?.prepare("reading the model and the data");
      const options = await runOptions(analyzeSchema, flags, { preset, config }, (given) =>
        parseFinetuneOptions({ ...given, analyze: true }),
      );
      const { analysis, output } = await analyze(options as AnalyzeInput, {
        ...(progress === undefined ? {} : { observers: [progress] }),
        signal: interruption.signal,
      }).finally(() => progress?.end());
      if (json === true) streams.stdout.write(`${JSON.stringify(analysis, null, 2)}\n`);
      if (isSilent) return;
      const lines = [
        ...analysisFindings(analysis).map(({ found }) => found),
        `written to ${join(output, "analysis.html")}`,
      ];
      streams.stdout.write(fitted(`${lines.join("\n")}\n`, terminalOf(streams.stdout)));
    });
}
