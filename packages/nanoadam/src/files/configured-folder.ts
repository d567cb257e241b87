/** The folder of a work of several runs, which the same command again goes on with. */
import { readdir, realpath, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InputError, shown } from "../errors.js";
import { type Inputs, inputAt } from "./input-places.js";
import { makeFolder } from "./make-folder.js";
import { isOwnedName } from "./owned.js";
import { readJsonObject } from "./read-json.js";
import { sweepOwned, type Tell } from "./recover.js";
import { describeSystemError, systemErrorCode } from "./system-error.js";
import { writeFileAtomically } from "./write-file.js";

export interface ConfiguredFolderOptions {
  /** What makes such folders, as `configuration.json` has it: "nanoadam compare". */
  readonly command: string;
  /** What such a folder holds, for messages: "a comparison"; and what one with other options holds: "a comparison of other runs". */
  readonly content: { readonly name: string; readonly other: string };
  /** The options that all runs share. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** What options were before there was a choice: one that came after the work was begun had its default then. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Start anew where the folder has such a work. */
  readonly overwrite: boolean;
  /** What the runs are made from: a folder that holds any of it is none for them. */
  readonly inputs: Inputs;
  /** Told, a sentence each, what killed runs had left. */
  readonly tell?: Tell | undefined;
}

/** Nothing is removed or written before `begin`. */
export class ConfiguredFolder {
  readonly path: string;
  readonly #options: ConfiguredFolderOptions;
  /** Folders that were made, the innermost first. */
  readonly #made: readonly string[];

  private constructor(path: string, options: ConfiguredFolderOptions, made: readonly string[]) {
    this.path = path;
    this.#options = options;
    this.#made = made;
  }

  /**
   * Opens a folder, making it where there is none.
   * @throws InputError where it cannot be written, holds something else, or, without `overwrite`, runs that were configured
   * otherwise.
   */
  static async open(path: string, options: ConfiguredFolderOptions): Promise<ConfiguredFolder> {
    const target = resolve(path);
    const { content, tell } = options;
    const input = await inputAt(await realpath(target).catch(() => target), options.inputs);
    if (input !== undefined) {
      throw new InputError(`The output folder ${target} has \`${input.name}\` (${input.path}) in it; name another.`);
    }
    const names = (await namesIn(target)).filter((name) => !isOwnedName(name));
    const kept = names.includes(configurationFile) ? await readConfiguration(target, options.command) : undefined;
    if (kept === undefined && names.length > 0) {
      throw new InputError(`The output folder ${target} holds something else than ${content.name}; name another.`);
    }
    if (kept !== undefined && !options.overwrite) requireSame(target, { ...options.defaults, ...kept }, options);
    try {
      const made = await makeFolder(target);
      await sweepOwned(target, undefined, tell);
      return new ConfiguredFolder(target, options, made);
    } catch (error) {
      throw new InputError(`The output folder ${path} cannot be written: ${describeSystemError(error)}.`);
    }
  }

  /** Writes the configuration: from now on the folder is a work of this kind. */
  async begin(): Promise<void> {
    const { command, configuration } = this.#options;
    const text = JSON.stringify({ command, options: configuration }, null, 2);
    await writeFileAtomically(join(this.path, configurationFile), `${text}\n`);
  }

  /** Removes the folders that were made, where nothing was written to them. */
  async release(): Promise<void> {
    for (const folder of this.#made) {
      const removed = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (!removed) return;
    }
  }
}

const configurationFile = "configuration.json";

/** The configuration of the work in a folder; undefined where the file is of another command. */
async function readConfiguration(folder: string, command: string): Promise<Record<string, unknown> | undefined> {
  const content = await readJsonObject(join(folder, configurationFile));
  const isOurs = content?.command === command && typeof content.options === "object" && content.options !== null;
  return isOurs ? (content.options as Record<string, unknown>) : undefined;
}

/** Names in a folder; none where it does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") return [];
    if (code === "ENOTDIR") throw new InputError(`The output folder ${folder} is a file, expected a folder.`);
    throw new InputError(`The output folder ${folder} cannot be read: ${describeSystemError(error)}.`);
  }
}

function requireSame(
  folder: string,
  kept: Readonly<Record<string, unknown>>,
  { configuration: asked, content }: ConfiguredFolderOptions,
): void {
  const told = (value: unknown) => (value === undefined ? "none" : shown(value));
  const differing = [...new Set([...Object.keys(kept), ...Object.keys(asked)])]
    .filter((name) => JSON.stringify(kept[name]) !== JSON.stringify(asked[name]))
    .map((name) => `\`${name}\` was ${told(kept[name])} and is now ${told(asked[name])}`);
  if (differing.length === 0) return;
  throw new InputError(
    `The output folder ${folder} holds ${content.other}: ${differing.join(", ")}; pass \`overwrite\` to start anew, or name another.`,
  );
}
