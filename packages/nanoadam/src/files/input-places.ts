/** Where the things lie that a result is made from, so that none of them is replaced by it. */
import { readdir, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";

/** Paths, of files or folders, by the names of the options that they come from. */
export type Inputs = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An input, as it was given. */
export interface Input {
  readonly name: string;
  readonly path: string;
}

/** The first of the inputs that lies in a folder, or is the file: itself, or what a link of it leads to. */
export async function inputAt(place: string, inputs: Inputs): Promise<Input | undefined> {
  for (const [name, paths] of Object.entries(inputs)) {
    for (const path of typeof paths === "string" ? [paths] : (paths ?? [])) {
      for (const each of await placesOf(path)) if (isWithin(each, place)) return { name, path };
    }
  }
  return undefined;
}

/**
 * Where a file or folder really lies, and where the files of the folder do: a model of the Hugging Face cache is a folder of
 * links to others.
 */
async function placesOf(path: string): Promise<string[]> {
  const names = await namesIn(path);
  const paths = [path, ...names.map((name) => join(path, name))];
  const real = await Promise.all(paths.map((each) => realpath(each).catch(() => undefined)));
  // The links themselves go too where the folder that has them does.
  const asNamed = join(await realpath(dirname(resolve(path))).catch(() => dirname(resolve(path))), basename(path));
  return [asNamed, ...real.filter((each) => each !== undefined)];
}

/** Why a folder is not replaced whatever was asked for, in half a sentence: all that is in it would go. */
export async function reasonToKeep(folder: string, inputs: Inputs): Promise<string | undefined> {
  if (isWithin(process.cwd(), folder)) return "the working directory is in it";
  if (isWithin(homedir(), folder)) return "the home folder is in it";
  if ((await namesIn(folder)).includes(".git")) return "it is a git repository";
  const input = await inputAt(folder, inputs);
  return input === undefined ? undefined : `\`${input.name}\` (${input.path}) is in it`;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

function isWithin(path: string, folder: string): boolean {
  const steps = relative(folder, path);
  return !/^\.\.([/\\]|$)/.test(steps) && resolve(folder, steps) === path;
}
