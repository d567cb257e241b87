import { Command, CommanderError } from "commander";
import { InputError } from "../errors.js";
import { versions } from "../train/summary.js";
import { demoCommand } from "./demo.js";
import { evaluateCommand } from "./evaluate.js";
import { finetuneCommand } from "./finetune.js";
import { predictCommand } from "./predict.js";

/** Runs the command line; the result is the process's exit code. */
export async function runCommandLine(arguments_: readonly string[]): Promise<number> {
  const program = new Command("nanoadam")
    .description("Fine-tune pretrained networks by updating only their small weights.")
    .version(versions().nanoadam ?? "unknown")
    .option("--debug", "show stack traces")
    .exitOverride()
    .configureHelp({ sortSubcommands: false });
  for (const command of [finetuneCommand(), evaluateCommand(), predictCommand(), demoCommand()]) {
    program.addCommand(command.exitOverride());
  }
  try {
    await program.parseAsync([...arguments_], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    const isBug = !(error instanceof InputError);
    const shown =
      isBug || program.opts().debug === true ? (error instanceof Error ? error.stack : error) : error.message;
    process.stderr.write(`nanoadam: ${String(shown)}\n`);
    return 1;
  }
}

process.exitCode = await runCommandLine(process.argv.slice(2));
