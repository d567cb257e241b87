import { Command, Option } from "commander";
import { InputError } from "../errors.js";
import { formatBytes, formatCount, formatSeconds, formatShare } from "../format.js";
import { type FinetuneInput, finetuneSchema, parseFinetuneOptions } from "../options/finetune-options.js";
import { optionFileText } from "../options/option-files.js";
import { resumeSchema } from "../options/saving-options.js";
import { finetune } from "../recipes/finetune.js";
import { resumeFinetuning } from "../recipes/resume.js";
import type { RunControl } from "../recipes/run-control.js";
import type { RunSummary } from "../recipes/summary.js";
import { flagGroups } from "./flag-groups.js";
import { addFlags, type Flags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { type Interruption, uninterrupted } from "./interrupt.js";
import { interruptionObserver } from "./interruption-observer.js";
import { formatEvaluation, progressObserver } from "./progress.js";
import { progressReporter } from "./progress-report.js";
import { quoted } from "./quoted.js";
import { reviewLines } from "./review-lines.js";
import { addOptionFileFlags, type OptionFileFlags, runOptions } from "./run-options.js";
import type { Streams } from "./streams.js";
import { fitted, terminalOf } from "./terminal.js";

const examples = [
  "nanoadam finetune --model bert-base --train reviews.csv --text text --label label --output reviews-model",
  "nanoadam finetune --preset glue/cola --model bert-base --train train.tsv --eval validation.tsv --output cola-model",
  "nanoadam finetune --resume reviews-model",
];

/** Flags that are no options of a run. */
interface OwnFlags extends OptionFileFlags {
  readonly printConfig?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly progressJson?: boolean;
  readonly resume?: string;
  readonly allowChanged?: boolean;
}

/** `nanoadam finetune`: from a checkpoint and labelled text to a fine-tuned checkpoint. */
export function finetuneCommand(streams: Streams = process, interruption: Interruption = uninterrupted): Command {
  const command = new Command("finetune").description("Fine-tune a checkpoint on labelled text.");
  addHelpTail(addFlags(command, resumeSchema.extend(finetuneSchema.shape)), { examples, withTasks: true });
  return addOptionFileFlags(command)
    .option("--print-config", "print the options in force as such a file, and do nothing else")
    .option("--quiet", "print nothing but errors")
    .option("--verbose", "name the tensors that are drawn afresh or not used")
    .option("--json", "print the run's summary as JSON, and nothing else")
    .addOption(new Option("--progress-json", "tell progress as JSON lines on standard error").helpGroup(flagGroups[3]))
    .action(
      async ({
        quiet,
        json,
        verbose,
        progressJson,
        preset,
        config,
        printConfig,
        resume,
        allowChanged,
        ...flags
      }: AllFlags) => {
        const options = await runOptions(
          finetuneSchema,
          flags,
          { preset, config },
          resume === undefined ? parseFinetuneOptions : undefined,
        );
        if (printConfig === true) {
          if (resume !== undefined) throw new InputError("--print-config cannot go with `resume`");
          streams.stdout.write(optionFileText(parseFinetuneOptions(options as FinetuneInput)));
          return;
        }
        const isSilent = quiet === true || json === true || progressJson === true;
        const progress = isSilent ? undefined : progressObserver({ stream: streams.stderr, verbose: verbose === true });
        if (progress !== undefined) interruption.printWith(progress.print, progress.end);
        progress?.prepare("reading the model and the data");
        const control: RunControl = {
          observers: [
            ...(progress === undefined ? [] : [progress]),
            ...(progressJson === true ? [progressReporter(streams.stderr)] : []),
            interruptionObserver(interruption, options, resume, progress?.print),
          ],
          signal: interruption.signal,
          savesCancelled: true,
          ...(config === undefined ? {} : { optionFiles: { config } }),
        };
        const work =
          resume === undefined
            ? finetune(options as FinetuneInput, control)
            : resumeFinetuning(resume, { ...control, changes: options, allowChanged: allowChanged === true });
        const summary = await work.finally(() => progress?.end());
        if (json === true) streams.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
        if (quiet === true || json === true) return;
        const terminal = terminalOf(streams.stdout);
        streams.stdout.write(fitted(endLines(summary, terminal.columns()).join("\n"), terminal));
      },
    );
}

type AllFlags = Flags & OwnFlags;

/** What most often helps a run that learned nothing. */
function adviceFor(task: string): string {
  const [rows, model] =
    task === "image-classification"
      ? ["images", "a model that has seen images like these"]
      : ["rows", "a model that knows the texts' language"];
  return `what may help: more ${rows}, --epochs 10 or more, --learning-rate auto, or ${model}`;
}

/** What came of a run; what matters most is last, where a terminal shows it. */
function endLines({ parameters, evaluation, review, ...summary }: RunSummary, columns: number): string[] {
  const { count, share } = parameters.everChanged;
  const output = String(summary.configuration.output);
  return [
    ...(summary.endedEarly === undefined
      ? []
      : [`ended after step ${formatCount(summary.steps)}: ${summary.endedEarly}`]),
    `final: ${formatEvaluation(evaluation.final)}`,
    ...(summary.best === undefined ? [] : [bestLine(summary.best, summary.steps)]),
    ...(summary.retained === undefined ? [] : [retainedLine(summary.retained)]),
    ...reviewLines(review, columns),
    `changed ${formatCount(count)} of ${formatCount(parameters.total)} weights (${formatShare(share)}), optimizer state ${formatBytes(summary.optimizerStateBytes)}`,
    ...(summary.configuration.keepZeros === true ? [zerosLine(parameters.zeros)] : []),
    `${formatSeconds(summary.wallSeconds)}, ${summary.stepMilliseconds.toFixed(0)} ms a step, written to ${output}`,
    ...tryLines(summary.task, output),
    review.verdict,
    ...(review.beatsGuessing ? [] : [adviceFor(summary.task)]),
    "",
  ];
}

/** How the model is asked; what fills in hidden words has no answers. */
function tryLines(task: string, output: string): string[] {
  if (task === "masked-lm") return [];
  if (task === "image-classification") return [`try it: nanoadam predict --model ${quoted(output)} --image FILE`];
  const [command, flag] = task === "causal-lm" ? ["generate", "--prompt"] : ["predict", "--text"];
  return [`try it: nanoadam ${command} --model ${quoted(output)} ${flag} "..."`];
}

function zerosLine({ count, share }: RunSummary["parameters"]["zeros"]): string {
  return `${formatCount(count)} weights are 0 (${formatShare(share)})`;
}

/** "retained on wiki.txt (masked-lm): perplexity 12.3100  loss 2.5103, before: perplexity 9.8000  loss 2.2824". */
function retainedLine({ data, task, before, final }: NonNullable<RunSummary["retained"]>): string {
  const then = before === undefined ? "" : `, before: ${formatEvaluation(before)}`;
  return `retained on ${data} (${task}): ${formatEvaluation(final)}${then}`;
}

/** Which weights the result has. */
function bestLine({ step, metric, value }: NonNullable<RunSummary["best"]>, steps: number): string {
  const figure = `${metric} ${value.toPrecision(4)}`;
  return `the weights are those of step ${formatCount(step)} of ${formatCount(steps)}, the best by ${figure}`;
}
