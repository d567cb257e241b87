import { Command } from "commander";
import { continual } from "../continual/continual.js";
import { type ContinualInput, continualFlagsSchema, tasksOfFlags } from "../continual/options.js";
import { matrixTable, notesOf } from "../continual/tables.js";
import { InputError, shown } from "../errors.js";
import { markdownTable } from "../markdown-table.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { loadPreset, optionsOfMapping, overrideOptions, readOptionMapping } from "../options/option-files.js";
import { MissingOptionsError } from "../options/parse-options.js";
import type { TrainingObserver } from "../train/observer.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail } from "./help.js";
import { type Interruption, uninterrupted } from "./interrupt.js";
import { plainTable } from "./plain-table.js";
import { formatEvaluation, type Progress, progressObserver } from "./progress.js";
import type { Streams } from "./streams.js";
import { terminalOf } from "./terminal.js";

const examples = [
  "nanoadam continual --model resnet-18 --tasks cifar10/train.bin,flowers --epochs 5,10 --learning-rate 1e-3,2e-3 --return --output forgetting",
  "nanoadam continual --preset continual/resnet-18 --learning-rate 9e-3,7e-3 --model resnet-18 --tasks cifar10/train.bin,flowers --output forgetting",
  "nanoadam continual --config tasks.yaml --output forgetting",
];

/** Flags that are no options of the tasks. */
interface OwnFlags {
  readonly preset?: string;
  readonly config?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** `nanoadam continual`: tasks one after another on one body, and what is forgotten. */
export function continualCommand(streams: Streams = process, interruption: Interruption = uninterrupted): Command {
  const command = new Command("continual").description(
    "Learn tasks one after another and measure what is forgotten. The same command again goes on where it was stopped.",
  );
  return addHelpTail(addFlags(command, continualFlagsSchema), { examples, withTasks: true })
    .option("--preset <NAME>", "options of a preset, such as continual/vit-large; flags and --config win over it")
    .option("--config <FILE>", "options and tasks of a YAML or JSON file, by their names in the API; flags win over it")
    .option("--quiet", "print nothing but errors")
    .option("--json", "print the report as JSON, and nothing else")
    .action(async ({ preset, config, quiet, json, ...flags }: Flags & OwnFlags) => {
      const input = await inputOf(flags, { preset, config });
      const isSilent = quiet === true || json === true;
      /** Of the task that is learned. */
      let progress: Progress | undefined;
      const end = () => {
        progress?.end();
        progress = undefined;
      };
      const print = (line: string) => {
        if (progress !== undefined) progress.print(line);
        else if (!isSilent) streams.stderr.write(`${line}\n`);
      };
      interruption.printWith(print, end);
      const report = await continual(input, {
        signal: interruption.signal,
        onNotice: print,
        onReturn: ({ task, during, step, evaluation }) => {
          if (step === null) end();
          const when = step !== null ? `after step ${step}` : during === null ? "at first" : `after ${during}`;
          print(`${task} ${when}: ${formatEvaluation(evaluation)}`);
        },
        observe({ name, place, of }) {
          const stopping: TrainingObserver = {
            onStep: () => interruption.finishFirst("the step is finished and all is saved, and then it ends"),
          };
          if (isSilent) return [stopping];
          end();
          print(`${name}, task ${place + 1} of ${of}`);
          progress = progressObserver({ stream: streams.stderr, label: name });
          return [progress, stopping];
        },
      }).finally(end);
      if (json === true) streams.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      if (isSilent) return;
      const table = matrixTable(report);
      const { isLive, columns } = terminalOf(streams.stdout);
      streams.stdout.write(isLive ? plainTable(table, columns()) : markdownTable(table));
      for (const note of notesOf(report)) streams.stdout.write(`${note}\n`);
      streams.stdout.write(`written to ${input.output}\n`);
    });
}

/** The options of flags over those of a file, and these over those of a preset. */
async function inputOf(
  flags: Flags,
  { preset, config }: { readonly preset: string | undefined; readonly config: string | undefined },
): Promise<ContinualInput> {
  const { tasks: inFile = [], ...fromFile } = config === undefined ? {} : await readOptionMapping(config);
  if (!Array.isArray(inFile)) throw new InputError(`${config}: tasks is ${shown(inFile)}, expected a list of mappings`);
  const ofFile = inFile.map((task, place) => optionsOfMapping(task, `${config}, task ${place + 1}`));
  const tasks = tasksOfFlags(flags, ofFile);
  if (tasks.length === 0) throw new MissingOptionsError("`tasks` is needed");
  const fromPreset = preset === undefined ? {} : await loadPreset(preset);
  const { tasks: _, names: _names, eval: _eval, task: _task, epochs, steps, learningRate, ...shared } = flags;
  const given: Readonly<Record<string, unknown>> = { ...fromFile, ...optionsOfFlags(continualFlagsSchema, shared) };
  return { ...overrideOptions(fromPreset, given as Partial<FinetuneInput>), tasks } as ContinualInput;
}
