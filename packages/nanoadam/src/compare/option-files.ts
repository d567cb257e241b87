/** The options of a comparison from flags, from a file, and from one of the presets that repeat the paper's studies. */
import {
  loadStudy,
  nameFile,
  type OptionFile,
  overrideOptions,
  presetSource,
  readOptionFile,
} from "../options/option-files.js";
import { parseOptions } from "../options/parse-options.js";
import { type CompareInput, compareSchema } from "./options.js";
import { variedOption } from "./variations.js";

export interface ComparisonSources {
  /** What is given directly. */
  readonly direct: Partial<CompareInput>;
  /** The name of a preset, `study/ablation` for instance. */
  readonly preset: string | undefined;
  /** A YAML or JSON file. */
  readonly config: string | undefined;
}

/**
 * What is given directly over what a file says, and this over a preset.
 * @throws InputError naming the file for what it says that cannot be
 */
export async function comparisonOptions({ direct, preset, config }: ComparisonSources): Promise<CompareInput> {
  const fromFile = config === undefined ? {} : await readOptionFile(config, compareSchema);
  const fromPreset = preset === undefined ? {} : await loadStudy(preset, compareSchema);
  const options = overrideComparison(overrideComparison(fromPreset, fromFile), direct);
  const files: OptionFile[] = [
    ...(config === undefined ? [] : [{ source: config, options: fromFile }]),
    ...(preset === undefined ? [] : [{ source: presetSource(preset), options: fromPreset }]),
  ];
  try {
    parseOptions(compareSchema, options);
  } catch (error) {
    throw nameFile(error, Object.keys(direct), files);
  }
  return options as CompareInput;
}

/**
 * Options of a comparison together: what is in `stronger` replaces what is in `weaker`. Values that it varies take the place of a single
 * one, and a single one that of varied ones; its list of variations, that of the weaker.
 */
export function overrideComparison(
  weaker: Partial<CompareInput>,
  stronger: Partial<CompareInput>,
): Partial<CompareInput> {
  const varied = linesOf(stronger.vary).map(variedOption);
  const single = Object.entries(stronger).flatMap(([option, value]) => (value === undefined ? [] : [option]));
  const kept = Object.entries(weaker).filter(([option]) => !varied.includes(option));
  const vary = stronger.vary ?? linesOf(weaker.vary).filter((line) => !single.includes(variedOption(line)));
  const { vary: _, ...options } = overrideOptions(Object.fromEntries(kept) as Partial<CompareInput>, stronger);
  return vary.length === 0 ? options : { ...options, vary };
}

function linesOf(vary: CompareInput["vary"]): readonly string[] {
  return typeof vary === "string" ? [vary] : (vary ?? []);
}
