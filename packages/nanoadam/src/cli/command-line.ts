import { Command, CommanderError } from "commander";
import wrapAnsi from "wrap-ansi";
import { AbortError, DivergenceError, InputError, oneLine } from "../errors.js";
import { describeSystemError } from "../files/system-error.js";
import { MissingOptionsError } from "../options/parse-options.js";
import { versions } from "../recipes/versions.js";
import { analyzeCommand } from "./analyze.js";
import { applyCommand } from "./apply.js";
import { chatCommand } from "./chat.js";
import { compareCommand } from "./compare.js";
import { continualCommand } from "./continual.js";
import { deltaCommand } from "./delta.js";
import { demoCommand } from "./demo.js";
import { estimateCommand } from "./estimate.js";
import { evaluateCommand } from "./evaluate.js";
import { exportCommand } from "./export.js";
import { finetuneCommand } from "./finetune.js";
import { withFlags } from "./flag-names.js";
import { generateCommand } from "./generate.js";
import { commandLine, helpConfiguration } from "./help.js";
import { initCommand } from "./init.js";
import { inspectCommand } from "./inspect.js";
import { type Interruption, uninterrupted } from "./interrupt.js";
import { predictCommand } from "./predict.js";
import { presetsCommand } from "./presets.js";
import { pruneCommand } from "./prune.js";
import { pushCommand } from "./push.js";
import { reproduceCommand } from "./reproduce.js";
import type { Streams } from "./streams.js";
import { terminalOf } from "./terminal.js";
import { theoryCommand } from "./theory.js";
import { watchCommand } from "./watch.js";

const summary = "Fine-tune pretrained networks by updating only their small weights.";

/** Runs the command line; the result is the process's exit code. A user's error is one line on stderr. */
export async function runCommandLine(
  arguments_: readonly string[],
  streams: Streams = process,
  interruption: Interruption = uninterrupted,
): Promise<number> {
  const { colors } = terminalOf(streams.stderr);
  const fail = (message: string) => void streams.stderr.write(`${colors.red("nanoadam:")} ${message}\n`);
  const columns = () => (streams.stdout.isTTY === true ? terminalOf(streams.stdout).columns() : 80);
  if (arguments_.length === 0) {
    streams.stdout.write(welcome(columns()));
    return 0;
  }
  const output = {
    writeOut: (text: string) => void streams.stdout.write(text),
    writeErr: (text: string) => void streams.stderr.write(text),
    getOutHelpWidth: columns,
    outputError: (text: string) => fail(usageError(text)),
  };
  const program = new Command("nanoadam")
    .description(summary)
    .version(versions().nanoadam)
    .option("--debug", "show stack traces")
    .option(
      "--offline",
      "fetch nothing: models and data of the Hugging Face Hub come from its cache (as HF_HUB_OFFLINE=1)",
    )
    .hook("preAction", (_, command) => {
      // The runs of a comparison are processes of their own, to which it is handed on.
      if (command.optsWithGlobals().offline === true) process.env.HF_HUB_OFFLINE = "1";
    })
    .exitOverride()
    .configureOutput(output)
    .configureHelp(helpConfiguration);
  const commands = [
    finetuneCommand(streams, interruption),
    evaluateCommand(streams),
    predictCommand(streams),
    generateCommand(streams),
    chatCommand(streams),
    exportCommand(streams),
    estimateCommand(streams),
    inspectCommand(streams),
    deltaCommand(streams),
    applyCommand(streams),
    pruneCommand(streams),
    pushCommand(streams),
    compareCommand(streams, interruption),
    continualCommand(streams, interruption),
    analyzeCommand(streams, interruption),
    presetsCommand(streams),
    watchCommand(streams),
    theoryCommand(streams),
    reproduceCommand((words) => runCommandLine(words, streams, interruption), streams),
    initCommand(streams),
    demoCommand(streams),
  ];
  for (const command of commands) program.addCommand(command.exitOverride().configureOutput(output));
  try {
    await program.parseAsync([...arguments_], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    const called = commands.find((command) => command.name() === arguments_.find((each) => !each.startsWith("-")));
    fail(described(error, { isDebugging: program.opts().debug === true, command: called?.name() }));
    return 1;
  }
}

/** What there is to see without a command: what this is, and three lines to start with. */
function welcome(columns: number): string {
  const starts = [
    ["See it work, without network or files:", "nanoadam demo"],
    ["Learn from your own labelled texts:", "nanoadam finetune --model demo --train data.csv"],
    ["Label others:", 'nanoadam predict --model data-model --text "..."'],
  ] as const;
  return [
    wrapAnsi(`nanoadam: ${summary[0]?.toLowerCase()}${summary.slice(1)}`, columns),
    "",
    ...starts.flatMap(([what, example]) => [what, commandLine(example, columns), ""]),
    wrapAnsi("All commands: nanoadam --help. Flags and examples of one: nanoadam finetune --help.", columns),
    "",
  ].join("\n");
}

/** Commander's message as one line: "unknown option '--lerning-rate' (did you mean --learning-rate?)". */
function usageError(text: string): string {
  const line = text
    .trim()
    .replace(/^error: /, "")
    .replace(/\n\(Did/, " (did");
  return oneLine(line);
}

interface ErrorContext {
  readonly isDebugging: boolean;
  /** Which command has failed. */
  readonly command: string | undefined;
}

/** The one line of an error, options as flags; its stack where someone is debugging. */
function described(error: unknown, { isDebugging, command }: ErrorContext): string {
  if (!(error instanceof Error)) return String(error);
  if (isDebugging) return String(error.stack);
  if ("syscall" in error) return ofSystem(error);
  const message = withFlags(error.message)
    .trim()
    .replace(/\s*\n\s*/g, " ");
  const isExpected = [InputError, DivergenceError, AbortError].some((kind) => error instanceof kind);
  if (!isExpected) return `a fault of nanoadam: ${error.name}: ${oneLine(message)} (--debug shows where)`;
  const hasHelp = error instanceof MissingOptionsError && command !== undefined;
  return hasHelp ? `${message}; nanoadam ${command} --help has examples` : message;
}

/** What the system refused, with the path that it is about where it says one. */
function ofSystem(error: Error): string {
  const path = "path" in error && typeof error.path === "string" ? `${error.path}: ` : "";
  return oneLine(`${path}${describeSystemError(error)}`);
}
