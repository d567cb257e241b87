import { Command } from "commander";
import { formatCount, formatSeconds, formatShare } from "../format.js";
import { type FinetuneInput, finetuneSchema, parseFinetuneOptions } from "../options/finetune-options.js";
import { loadPreset, nameFile, overrideOptions, presetSource, readOptionFile } from "../options/option-files.js";
import { finetune } from "../recipes/finetune.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { interruptSignal } from "./interrupt.js";
import { formatEvaluation, progressObserver } from "./progress.js";
import { reviewLines } from "./review-lines.js";
import type { Streams } from "./streams.js";

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
    .action(async ({ quiet, json, verbose, preset, config, ...flags }: Flags & OwnFlags) => {
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
      const isSilent = quiet === true || json === true;
      const progress = isSilent ? undefined : progressObserver({ stream: streams.stderr, verbose: verbose === true });
      const interrupt = interruptSignal(() => progress?.print("stopping after this step; Ctrl-C again ends at once"));
      progress?.prepare("reading the model and the data");
      const observers = progress === undefined ? [] : [progress];
      const summary = await finetune(options, { observers, signal: interrupt.signal }).finally(() => {
        interrupt.release();
        progress?.end();
      });
      if (json === true) streams.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
      if (isSilent) return;
      const { parameters, evaluation, review } = summary;
      streams.stdout.write(
        [
          `final: ${formatEvaluation(evaluation.final)}`,
          ...(review === undefined ? [] : reviewLines(review)),
          `changed ${formatCount(parameters.everChanged.count)} of ${formatCount(parameters.total)} weights (${formatShare(parameters.everChanged.share)}), optimizer state ${formatCount(summary.optimizerStateBytes)} bytes`,
          `${formatSeconds(summary.wallSeconds)}, ${summary.stepMilliseconds.toFixed(0)} ms a step`,
          `written to ${options.output}`,
          "",
        ].join("\n"),
      );
    });
}
