/**
 * The demo: a small encoder learns from support messages, both of the package, and answers what one types. What NanoAdam saves is
 * told by numbers, and with `--compare` shown.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { removeAtExit } from "../files/remove-at-exit.js";
import { parseOptions } from "../options/parse-options.js";
import { trainingSchema } from "../options/training-options.js";
import { finetune } from "../recipes/finetune.js";
import { type OpenModel, openModel } from "../recipes/open-model.js";
import { predictTexts } from "../recipes/predict.js";
import type { RunSummary } from "../recipes/summary.js";
import { comparisonTable, costLines, type NamedSummary } from "./demo-comparison.js";
import { converse } from "./demo-conversation.js";
import { baselines, demoProgress, nanoadamRun } from "./demo-training.js";
import { addFlags, type Flags, optionsOfFlags } from "./flags.js";
import { addHelpTail, commandLine } from "./help.js";
import { probabilityBars } from "./probability-bars.js";
import { progressObserver } from "./progress.js";
import { reviewLines } from "./review-lines.js";
import type { Streams } from "./streams.js";
import { fitted, terminalOf } from "./terminal.js";

const examples = ["nanoadam demo", "nanoadam demo --compare --seed 1"];

/** Answered where nobody can type. */
const messages = [
  "i reset my password twice and it still says my account does not exist",
  "The courier says it was handed over on Monday but nothing has come to my door.",
  "There are two payments for one invoice on my statement.",
];

const demoSchema = trainingSchema.pick({ seed: true });

/** Flags that are no options of a run. */
interface OwnFlags {
  readonly output?: string;
  readonly quiet?: boolean;
  readonly compare?: boolean;
}

/** `nanoadam demo`: needs no network and no files of its own. */
export function demoCommand(streams: Streams = process): Command {
  const command = new Command("demo").description(
    "Teach a small encoder to sort support messages, both part of nanoadam, and ask it: no network, under a minute.",
  );
  return addHelpTail(addFlags(command, demoSchema), { examples })
    .option("--output <DIR>", "keep the fine-tuned model")
    .option("--compare", "train with AdamW too, from the same encoder and from random weights: three times as long")
    .option("--quiet", "print only what comes out, and ask nothing")
    .action(async ({ output, quiet, compare, ...flags }: Flags & OwnFlags) => {
      const { seed } = parseOptions(demoSchema, optionsOfFlags(demoSchema, flags));
      const temporary = await mkdtemp(join(tmpdir(), "nanoadam-demo-"));
      const callOff = removeAtExit(temporary);
      try {
        const places = { kept: output, temporary };
        await demonstrate(streams, places, { seed, isQuiet: quiet === true, compares: compare === true });
      } finally {
        await rm(temporary, { recursive: true, force: true });
        callOff();
      }
    });
}

interface Places {
  /** Where the model is to stay, if it is. */
  readonly kept: string | undefined;
  readonly temporary: string;
}

interface DemoOptions {
  readonly seed: number;
  readonly isQuiet: boolean;
  readonly compares: boolean;
}

async function demonstrate(streams: Streams, { kept, temporary }: Places, options: DemoOptions): Promise<void> {
  const terminal = terminalOf(streams.stdout);
  const print = (...lines: string[]) =>
    streams.stdout.write(fitted(lines.map((line) => `${line}\n`).join(""), terminal));
  if (!options.isQuiet) {
    print(
      "A small encoder that has read English but knows no task learns to sort messages",
      "to a shop's support. It takes under a minute and no network.",
      "",
    );
  }
  const folder = kept ?? join(temporary, "model");
  const summary = await trainShown(streams, folder, options);
  const { review } = summary;
  const { confusions = [], mistakes = [] } = review;
  const most = { ...review, classes: [], confusions: confusions.slice(0, 1), mistakes: mistakes.slice(0, 1) };
  if (!options.isQuiet) print("", ...reviewLines(most, terminal.columns()));
  print(review.verdict, "");
  await ask(streams, folder, print, options);
  if (options.compares) {
    print(
      "",
      ...comparisonTable([{ name: "NanoAdam", summary }, ...(await runBaselines(streams, temporary, options))]),
    );
  } else if (!options.isQuiet) print("", ...costLines(summary));
  if (!options.isQuiet) print("", ...nextLines(kept, terminal.columns()));
}

/** The run that the demo is about. */
async function trainShown({ stdout, stderr }: Streams, output: string, options: DemoOptions): Promise<RunSummary> {
  const progress = options.isQuiet ? undefined : demoProgress({ stream: stderr }, terminalOf(stdout).colors);
  progress?.prepare("reading encoder and messages");
  const observers = progress === undefined ? [] : [progress];
  return finetune({ ...nanoadamRun, seed: options.seed, output }, { observers }).finally(() => progress?.end());
}

async function runBaselines({ stderr }: Streams, folder: string, options: DemoOptions): Promise<NamedSummary[]> {
  const results: NamedSummary[] = [];
  for (const [index, { name, options: own }] of baselines.entries()) {
    const progress = options.isQuiet
      ? undefined
      : progressObserver({ stream: stderr, label: name, describeStart: () => [] });
    const observers = progress === undefined ? [] : [progress];
    const output = join(folder, `baseline-${index}`);
    const run = finetune({ ...own, seed: options.seed, output }, { observers });
    const summary = await run.finally(() => progress?.end());
    results.push({ name, summary });
  }
  return results;
}

/** Messages and what the model takes them for: typed ones on a terminal, examples elsewhere. */
async function ask(
  { stdin, stdout }: Streams,
  folder: string,
  print: (...lines: string[]) => void,
  { isQuiet }: DemoOptions,
): Promise<void> {
  const { isLive, columns, colors } = terminalOf(stdout);
  const model = await openModel(folder);
  const answer = async (text: string) =>
    probabilityBars(await probabilitiesOf(model, text), { columns: Math.min(columns(), 80), colors });
  try {
    if (!isQuiet && isLive && stdin === process.stdin && process.stdin.isTTY) {
      print(`Now you write to support (an empty line ends), ${colors.dim('such as "i was charged twice"')}:`);
      await converse({ input: process.stdin, output: process.stdout, prompt: "> ", answer });
      return;
    }
    for (const message of messages) print(message, ...(await answer(message)));
  } finally {
    await model.release();
  }
}

async function probabilitiesOf(model: OpenModel, text: string): Promise<Readonly<Record<string, number>>> {
  const [prediction] = await predictTexts(model, [{ text }]);
  if (prediction === undefined || !("label" in prediction)) throw new Error("the demo's model is no classifier");
  return prediction.probabilities;
}

/** What to do now. */
function nextLines(kept: string | undefined, columns: number): string[] {
  return [
    ...(kept === undefined
      ? []
      : [
          `The model is in ${kept}. Ask it again:`,
          commandLine(`nanoadam predict --model ${kept} --text "..."`, columns),
          "",
        ]),
    "Your own data, a file with a column of texts and one of labels:",
    commandLine("nanoadam finetune --model demo --train YOUR.csv", columns),
  ];
}
