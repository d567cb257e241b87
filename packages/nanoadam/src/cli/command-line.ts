import { Command, CommanderError } from "commander";
import { AbortError, DivergenceError, InputError } from "../errors.js";
import { versions } from "../recipes/versions.js";
import { compareCommand } from "./compare.js";
import { demoCommand } from "./demo.js";
import { evaluateCommand } from "./evaluate.js";
import { exportCommand } from "./export.js";
import { finetuneCommand } from "./finetune.js";
import { withFlags } from "./flag-names.js";
import { predictCommand } from "./predict.js";
import { presetsCommand } from "./presets.js";
import type { Streams } from "./streams.js";

/** Runs the command line; the result is the process's exit code. A user's error is one line on stderr. */
export async function runCommandLine(arguments_: readonly string[], streams: Streams = process): Promise<number> {
  const output = {
    writeOut: (text: string) => void streams.stdout.write(text),
    writeErr: (text: string) => void streams.stderr.write(text),
  };
  const program = new Command("nanoadam")
    .description("Fine-tune pretrained networks by updating only their small weights.")
    .version(versions().nanoadam)
    .option("--debug", "show stack traces")
    .exitOverride()
    .configureOutput(output)
    .configureHelp({ sortSubcommands: false });
  const commands = [
    finetuneCommand(streams),
    evaluateCommand(streams),
    predictCommand(streams),
    exportCommand(streams),
    compareCommand(streams),
    presetsCommand(streams),
    demoCommand(),
  ];
  for (const command of commands) {
    program.addCommand(command.exitOverride().configureOutput(output));
  }
  try {
    await program.parseAsync([...arguments_], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    streams.stderr.write(`nanoadam: ${described(error, program.opts().debug === true)}\n`);
    return 1;
  }
}

/** The one line of an error that is no fault of the program, its options as flags; else, or with `debug`, its stack. */
function described(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  const isExpected =
    [InputError, DivergenceError, AbortError].some((kind) => error instanceof kind) || "syscall" in error;
  return isExpected && !debug ? withFlags(error.message) : String(error.stack);
}
