import { Command, Option } from "commander";
import { formatBytes, formatCount, formatSeconds, formatShare } from "../format.js";
import { type FinetuneInput, finetuneSchema, parseFinetuneOptions } from "../options/finetune-options.js";
import { loadPreset, nameFile, overrideOptions, presetSource, readOptionFile } from "../options/option-files.js";
import { finetune } from "../recipes/finetune.js";
import type { RunSummary } from "../recipes/summary.js";
import { flagGroups } from "./flag-groups.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { interruptSignal } from "./interrupt.js";
import { formatEvaluation, progressObserver } from "./progress.js";
import { progressReporter } from "./progress-report.js";
import { reviewLines } from "./review-lines.js";
import type { Streams } from "./streams.js";
import { fitted, terminalOf } from "./terminal.js";

const examples = [
  "nanoadam finetune --model bert-base --train reviews.csv --text text --label label --output reviews-model",
  "nanoadam finetune --preset glue/cola --model bert-base --train train.tsv --eval validation.tsv --output cola-model",
];

/** Flags that are no options of a run. */
interface OwnFlags {
  readonly preset?: string;
  readonly config?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly progressJson?: boolean;
}

/** `nanoadam finetune`: from a checkpoint and labelled text to a fine-tuned checkpoint. */
export function finetuneCommand(streams: Streams = process): Command {
  const command = new Command("finetune").description("Fine-tune a checkpoint on labelled text.");
  return addHelpTail(addFlags(command, finetuneSchema), { examples, withTasks: true })
    .option("--preset <NAME>", "options of a preset, such as glue/cola; flags and --config win over it")
    .option("--config <FILE>", "options of a YAML file, by their names in the API; flags win over it")
    .option("--quiet", "print nothing but errors")
    .option("--verbose", "name the tensors that are drawn afresh or not used")
    .option("--json", "print the run's summary as JSON, and nothing else")
    .addOption(new Option("--progress-json", "tell progress as JSON lines on standard error").helpGroup(flagGroups[3]))
    .action(async ({ quiet, json, verbose, progressJson, preset, config, ...flags }: Flags & OwnFlags) => {
      const files = [
        ...(config === undefined ? [] : [{ source: config, options: await readOptionFile(config) }]),
        ...(preset === undefined ? [] : [{ source: presetSource(preset), options: await loadPreset(preset) }]),
      ];
      const fileOptions = files.reduceRight<Partial<FinetuneInput>>(
        (weaker, { options }) => overrideOptions(weaker, options),
        {},
      );
      const options = overrideOptions(fileOptions, optionsOfFlags(finetuneSchema, flags));
      try {
        parseFinetuneOptions(options);
      } catch (error) {
        throw nameFile(error, Object.keys(flags), files);
      }
      const isSilent = quiet === true || json === true || progressJson === true;
      const progress = isSilent ? undefined : progressObserver({ stream: streams.stderr, verbose: verbose === true });
      const interrupt = interruptSignal(() => progress?.print("stopping after this step; Ctrl-C again ends at once"));
      progress?.prepare("reading the model and the data");
      const observers = [
        ...(progress === undefined ? [] : [progress]),
        ...(progressJson === true ? [progressReporter(streams.stderr)] : []),
      ];
      const summary = await finetune(options, {
        observers,
        signal: interrupt.signal,
        ...(config === undefined ? {} : { optionFiles: { config } }),
      }).finally(() => {
        interrupt.release();
        progress?.end();
      });
      if (json === true) streams.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
      if (quiet === true || json === true) return;
      const terminal = terminalOf(streams.stdout);
      streams.stdout.write(fitted(endLines(summary, terminal.columns()).join("\n"), terminal));
    });
}

/** What most often helps a run that learned nothing. */
const advice =
  "what may help: more rows, --epochs 10 or more, --learning-rate auto, or a model that knows the texts' language";

/** What came of a run; what matters most is last, where a terminal shows it. */
function endLines({ parameters, evaluation, review, ...summary }: RunSummary, columns: number): string[] {
  const { count, share } = parameters.everChanged;
  const output = String(summary.configuration.output);
  return [
    `final: ${formatEvaluation(evaluation.final)}`,
    ...reviewLines(review, columns),
    `changed ${formatCount(count)} of ${formatCount(parameters.total)} weights (${formatShare(share)}), optimizer state ${formatBytes(summary.optimizerStateBytes)}`,
    `${formatSeconds(summary.wallSeconds)}, ${summary.stepMilliseconds.toFixed(0)} ms a step, written to ${output}`,
    review.verdict,
    ...(review.beatsGuessing ? [] : [advice]),
    "",
  ];
}
