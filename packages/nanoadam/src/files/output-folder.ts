import { mkdir, readdir, realpath, rename, rm, rmdir } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { InputError } from "../errors.js";
import { describeSystemError, systemErrorCode } from "./system-error.js";

export interface OutputFolderOptions {
  /** Replace a folder that has something in it. */
  readonly overwrite: boolean;
  /** Paths that the result is made from, by their names in messages: a folder that holds one is not replaced. */
  readonly inputs?: Readonly<Record<string, string | undefined>>;
}

/**
 * A result folder that appears whole or not at all. Files are written under `path(...)`, in a staging folder beside the
 * final one; `commit` puts it in place by renaming, `discard` removes it. One of the two ends the object's life; calling
 * `discard` after `commit` does nothing, so it can stand in a `finally`.
 */
export class OutputFolder {
  /** Where the result will be. */
  readonly target: string;
  readonly #staging: string;
  readonly #overwrite: boolean;
  /** The topmost parent folder that was made for this one. */
  readonly #madeParent: string | undefined;
  #settled = false;

  private constructor(target: string, staging: string, overwrite: boolean, madeParent: string | undefined) {
    this.target = target;
    this.#staging = staging;
    this.#overwrite = overwrite;
    this.#madeParent = madeParent;
  }

  /**
   * Prepares to write `path`, making its parents. Throws InputError where `path` is a file, holds something and
   * `overwrite` is not set, or cannot be written. Even then a folder that contains the working directory, the home
   * folder, a git repository or one of `inputs` is never replaced, since all that is in it would go.
   */
  static async create(path: string, { overwrite, inputs = {} }: OutputFolderOptions): Promise<OutputFolder> {
    const target = await resolveTarget(path);
    if ((await contents(target)).length > 0) await requireReplaceable(target, overwrite, inputs);
    const parent = dirname(target);
    const staging = join(parent, `.${basename(target)}.partial-${process.pid}`);
    let madeParent: string | undefined;
    try {
      madeParent = await mkdir(parent, { recursive: true });
      await rm(staging, { recursive: true, force: true });
      await mkdir(staging);
    } catch (error) {
      throw new InputError(`The output folder ${path} cannot be written: ${describeSystemError(error)}.`);
    }
    return new OutputFolder(target, staging, overwrite, madeParent);
  }

  /** Where to write `file` (a name within the folder) until `commit`. */
  path(file: string): string {
    return join(this.#staging, file);
  }

  /**
   * Puts the staged files in place. The old folder is moved aside first, put back if the renaming fails, and
   * removed once the new folder is in place. If someone else filled the folder meanwhile and `overwrite` is not set, the
   * staged files stay where they are and the InputError says where.
   */
  async commit(): Promise<void> {
    if (this.#settled) throw new Error(`the output folder ${this.target} is already settled`);
    const existing = await contents(this.target);
    if (existing.length > 0 && !this.#overwrite) {
      this.#settled = true;
      throw new InputError(
        `${this.target} was filled by something else meanwhile; the result is kept in ${this.#staging}.`,
      );
    }
    const previous = join(dirname(this.target), `.${basename(this.target)}.previous-${process.pid}`);
    try {
      const moved = await moveIfPresent(this.target, previous);
      try {
        await rename(this.#staging, this.target);
      } catch (error) {
        if (moved) await rename(previous, this.target);
        throw error;
      }
    } catch (error) {
      throw new InputError(`The output folder ${this.target} could not be written: ${describeSystemError(error)}.`);
    }
    this.#settled = true;
    // The result is in place: a remainder of the old folder that cannot be removed must not turn success into failure.
    await rm(previous, { recursive: true, force: true }).catch(() => undefined);
  }

  /** Removes everything staged, and the parents made for it where nothing else is in them. */
  async discard(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    await rm(this.#staging, { recursive: true, force: true });
    if (this.#madeParent === undefined) return;
    for (let parent = dirname(this.target); ; parent = dirname(parent)) {
      const removed = await rmdir(parent).then(
        () => true,
        () => false,
      );
      if (!removed || parent === this.#madeParent) return;
    }
  }
}

/** The absolute path, links followed, so that a link's folder is replaced and not the link. */
async function resolveTarget(path: string): Promise<string> {
  const absolute = resolve(path);
  if (basename(absolute) === "") throw new InputError(`The output folder cannot be ${absolute}.`);
  try {
    return await realpath(absolute);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return absolute;
    throw new InputError(`The output folder ${path} cannot be written: ${describeSystemError(error)}.`);
  }
}

/** Names in the folder; empty where it does not exist. */
async function contents(target: string): Promise<string[]> {
  try {
    return await readdir(target);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") return [];
    if (code === "ENOTDIR") throw new InputError(`The output folder ${target} is a file, expected a folder.`);
    throw new InputError(`The output folder ${target} cannot be read: ${describeSystemError(error)}.`);
  }
}

async function requireReplaceable(
  target: string,
  overwrite: boolean,
  inputs: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  if (!overwrite) {
    throw new InputError(
      `The output folder ${target} is not empty; pass \`overwrite\` to replace it, or name another.`,
    );
  }
  const reason = isWithin(process.cwd(), target)
    ? "the working directory is in it"
    : isWithin(homedir(), target)
      ? "the home folder is in it"
      : (await contents(target)).includes(".git")
        ? "it is a git repository"
        : await inputWithin(target, inputs);
  if (reason) throw new InputError(`The output folder ${target} is not replaced, even with \`overwrite\`: ${reason}.`);
}

async function inputWithin(
  target: string,
  inputs: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  for (const [name, path] of Object.entries(inputs)) {
    if (path === undefined) continue;
    const absolute = await realpath(path).catch(() => resolve(path));
    if (isWithin(absolute, target)) return `\`${name}\` (${path}) is in it`;
  }
  return undefined;
}

function isWithin(path: string, folder: string): boolean {
  const steps = relative(folder, path);
  return !steps.startsWith("..") && resolve(folder, steps) === path;
}

async function moveIfPresent(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false;
    throw error;
  }
}
