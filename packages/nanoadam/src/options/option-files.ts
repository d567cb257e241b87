/**
 * Options from files: YAML with the names of a schema's options, of the user's own or one of the presets that come with the
 * package. What is given directly wins over a file, and a file over a preset.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseDocument, stringify } from "yaml";
import type { z } from "zod";
import { excerpt, InputError, shown } from "../errors.js";
import { describeSystemError } from "../files/system-error.js";
import { type FinetuneInput, type FinetuneOptions, finetuneSchema, flattenOptions } from "./finetune-options.js";
import { optionOf } from "./option-types.js";
import { didYouMean, expectation } from "./parse-options.js";

const presets = fileURLToPath(new URL("../../presets/", import.meta.url));

/** Options of which a run takes only one: whichever is given replaces what a file says of the others. */
const alternatives: readonly (readonly (keyof FinetuneInput)[])[] = [
  ["epochs", "steps"],
  ["eval", "evalShare"],
  ["staticMask", "maskInterval"],
  ["staticMask", "densityInterval"],
];

/** Options from a file, and what errors call the file. */
export interface OptionFile {
  readonly source: string;
  readonly options: object;
}

/** A schema of options by their names. */
type OptionSchema<Input> = z.ZodObject & z.ZodType<unknown, Input>;

/** What the names of presets for whole comparisons begin with; the others are for one run. */
const studies = "study/";

/** Names of the presets, such as "glue/cola". */
export async function presetNames(): Promise<string[]> {
  const files = await readdir(presets, { recursive: true });
  return files
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.replaceAll("\\", "/").replace(/\.yaml$/, ""))
    .sort();
}

/**
 * A preset's text, comments included.
 * @throws InputError for an unknown name, listing the known ones.
 */
export async function presetText(name: string): Promise<string> {
  const names = await presetNames();
  if (!names.includes(name)) {
    // What was meant comes first: there are so many that the end of their list may not be shown.
    const meant = didYouMean(name, names);
    const expected = `${meant === "" ? ", expected" : `${meant} Expected`} one of ${names.join(", ")}`;
    throw new InputError(`there is no preset "${name}"${expected}`);
  }
  return readFile(join(presets, `${name}.yaml`), "utf8");
}

/**
 * A preset's options.
 * @throws InputError for an unknown name, listing the known ones, and for one of a comparison
 */
export async function loadPreset(name: string): Promise<Partial<FinetuneInput>> {
  const text = await presetText(name);
  if (!name.startsWith(studies)) return parseOptionFile(text, presetSource(name), finetuneSchema);
  throw new InputError(
    `${presetSource(name)} is for a comparison of several runs, as in nanoadam compare --preset ${name}`,
  );
}

/**
 * The options of a preset for a comparison.
 * @param schema of a comparison's options
 * @throws InputError for an unknown name, and for a preset of one run, listing those that there are.
 */
export async function loadStudy<Input>(name: string, schema: OptionSchema<Input>): Promise<Partial<Input>> {
  const text = await presetText(name);
  if (name.startsWith(studies)) return parseOptionFile(text, presetSource(name), schema);
  const known = (await presetNames()).filter((each) => each.startsWith(studies));
  throw new InputError(
    `${presetSource(name)} is for one run, as in nanoadam finetune --preset ${name}; comparisons have ${known.join(", ")}`,
  );
}

/** What errors call a preset. */
export function presetSource(name: string): string {
  return `preset ${name}`;
}

/**
 * The options of a YAML file.
 * @param schema what they may be
 * @throws InputError for a file that cannot be read or is no mapping, and for an option that is unknown or out of range.
 */
export async function readOptionFile<Input>(path: string, schema: OptionSchema<Input>): Promise<Partial<Input>> {
  return parseOptionFile(await readText(path), path, schema);
}

/**
 * What a YAML or JSON file says, by the names that options have in the API; what they may be is not looked at.
 * @throws InputError for a file that cannot be read or is no mapping, and for an option that is given twice.
 */
export async function readOptionMapping(path: string): Promise<Record<string, unknown>> {
  return optionsOfMapping(parseYaml(await readText(path), path), path);
}

async function readText(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw new InputError(`${path} could not be read: ${describeSystemError(error)}.`);
  });
}

/**
 * The options that a YAML text says.
 * @param source what errors call the file
 * @param schema what they may be; which ones go together is not looked at
 * @throws InputError for a text that is no mapping, and for an option that is unknown, out of range or given twice.
 */
export function parseOptionFile<Input>(text: string, source: string, schema: OptionSchema<Input>): Partial<Input> {
  const fields = schema.shape as Readonly<Record<string, z.ZodType>>;
  const options = optionsOfMapping(parseYaml(text, source), source, (option, key, value) => {
    const field = Object.hasOwn(fields, option) ? fields[option] : undefined;
    if (field === undefined)
      throw new InputError(`${source}: there is no option ${excerpt(key)}${didYouMean(option, Object.keys(fields))}`);
    const issue = field.safeParse(value).error?.issues[0];
    if (issue !== undefined) {
      throw new InputError(`${source}: ${key} is ${shown(value)}, expected ${expectation(issue)}`);
    }
  });
  return options as Partial<Input>;
}

/**
 * The entries of a mapping, whose keys may be spelled as flags are; of nothing, none.
 * @param source what errors call it
 * @param check throws where one may not be
 * @throws InputError for what is no mapping, and for an option that is given twice
 */
export function optionsOfMapping(
  content: unknown,
  source: string,
  check: (option: string, key: string, value: unknown) => void = () => undefined,
): Record<string, unknown> {
  if (content === null || content === undefined) return {};
  if (typeof content !== "object" || Array.isArray(content)) {
    const found = Array.isArray(content) ? "list" : typeof content;
    throw new InputError(`${source} holds a ${found}, expected a mapping of options to values`);
  }
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(content)) {
    const option = optionOf(key);
    check(option, key, value);
    if (Object.hasOwn(options, option)) throw new InputError(`${source}: ${option} is given twice`);
    options[option] = value;
  }
  return options;
}

/** Options as the text of such a file, defaults included: given back, it means the same. */
export function optionFileText(options: FinetuneOptions): string {
  return optionFileOf(flattenOptions(options));
}

/** The options that are given as the text of such a file. */
export function optionFileOf(options: Partial<FinetuneInput>): string {
  const values = options as Readonly<Record<string, unknown>>;
  const given = Object.keys(finetuneSchema.shape).filter((option) => values[option] !== undefined);
  return stringify(Object.fromEntries(given.map((option) => [option, values[option]])), { lineWidth: 0 });
}

/** More than any options need: the parser's time grows with the square of the depth, and its stack with the depth. */
const [mostCharacters, mostBrackets] = [100_000, 1000];

function parseYaml(text: string, source: string): unknown {
  if (text.length > mostCharacters || (text.match(/[[{]/g)?.length ?? 0) > mostBrackets) {
    throw new InputError(
      `${source} is no file of options: it has ${text.length} characters, expected at most ${mostCharacters} and ${mostBrackets} brackets`,
    );
  }
  try {
    const document = parseDocument(text, { stringKeys: true });
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) throw problem;
    // An anchor within what it stands for would be a circle, and options have no use for any.
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new InputError(`${source} is not valid YAML: ${first.replace(/:$/, "")}`);
  }
}

/**
 * An error about an option that a file gives, with the file's name in front; any other as it is. What is given directly wins
 * over files, of which the strongest comes first.
 */
export function nameFile(error: unknown, direct: readonly string[], files: readonly OptionFile[]): unknown {
  const [quoted, option = ""] = error instanceof InputError ? (/^`(\w+)`/.exec(error.message) ?? []) : [];
  const file = direct.includes(option) ? undefined : files.find(({ options }) => Object.hasOwn(options, option));
  if (!(error instanceof InputError) || quoted === undefined || file === undefined) return error;
  return new InputError(`${file.source}: ${option}${error.message.slice(quoted.length)}`);
}

/** Options together, of a run or of several: what is in `stronger` replaces what is in `weaker`, alternatives included. */
export function overrideOptions<Weaker extends object, Stronger extends object>(
  weaker: Weaker,
  stronger: Stronger,
): Weaker & Stronger {
  const values = new Map<string, unknown>(Object.entries(stronger));
  const given = (option: string) => values.get(option) !== undefined && values.get(option) !== false;
  const replaced = new Set<string>(alternatives.filter((group) => group.some(given)).flat());
  const kept = Object.entries(weaker).filter(([option]) => !replaced.has(option));
  const defined = Object.entries(stronger).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...kept, ...defined]) as Weaker & Stronger;
}
