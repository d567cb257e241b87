/** The options of one run: flags win over a file of options, and that over a preset. */
import type { Command } from "commander";
import type { z } from "zod";
import type { AnalyzeInput } from "../options/analyze-options.js";
import { loadPreset, nameFile, overrideOptions, presetSource, readOptionFile } from "../options/option-files.js";
import { type Flags, optionsOfFlags } from "./flags.js";

/** The files that a command line names. */
export interface OptionFileFlags {
  readonly preset?: string | undefined;
  readonly config?: string | undefined;
}

export function addOptionFileFlags(command: Command): Command {
  return command
    .option("--preset <NAME>", "options of a preset, such as glue/cola; flags and --config win over it")
    .option("--config <FILE>", "options of a YAML file, by their names in the API; flags win over it");
}

/**
 * The options that flags and files give.
 * @param schema of the command's options, which are some of `finetune`'s
 * @param check throws where options do not go together; without it each is looked at alone
 * @throws InputError for an option that is unknown or out of range, and what `check` throws, with the name of the file that it is about
 */
export async function runOptions<Input extends AnalyzeInput>(
  schema: z.ZodObject & z.ZodType<unknown, Input>,
  flags: Flags,
  { preset, config }: OptionFileFlags,
  check?: (options: Input) => unknown,
): Promise<Partial<Input>> {
  const files = [
    ...(config === undefined ? [] : [{ source: config, options: await readOptionFile(config, schema) }]),
    ...(preset === undefined ? [] : [{ source: presetSource(preset), options: await loadPreset(preset) }]),
  ];
  const fileOptions = files.reduceRight<Partial<Input>>((weaker, { options }) => overrideOptions(weaker, options), {});
  const options = overrideOptions(fileOptions, optionsOfFlags(schema, flags));
  try {
    check?.(options);
  } catch (error) {
    throw nameFile(error, Object.keys(flags), files);
  }
  return options;
}
