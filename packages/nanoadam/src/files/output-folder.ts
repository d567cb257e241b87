import { existsSync } from "node:fs";
import { access, constants, mkdir, readFile, realpath, rename, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { InputError } from "../errors.js";
import {
  checkpointsIn,
  contentsOf,
  isHalfReplaced,
  keptPath,
  replaceContent,
  replaceFolder,
  resultIn,
  returnCheckpoints,
  takeCheckpoints,
} from "./commit.js";
import { freeSpace } from "./free-space.js";
import { keepTouching } from "./heartbeat.js";
import { type Inputs, reasonToKeep } from "./input-places.js";
import { makeFolder } from "./make-folder.js";
import { ownedName } from "./owned.js";
import { clearUp, type Tell } from "./recover.js";
import { removeAtExit } from "./remove-at-exit.js";
import { syncFolder } from "./sync-folder.js";
import { describeSystemError, systemErrorCode } from "./system-error.js";

export interface OutputFolderOptions {
  /** Replace a folder that has something in it. */
  readonly overwrite: boolean;
  /** What the result is made from: a folder that holds any of it is not replaced. */
  readonly inputs?: Inputs;
  /** The checkpoints that are there are the run's own, which goes on with them. */
  readonly ownsCheckpoints?: boolean;
  /** Told, a sentence each, what was done about what killed runs had left. */
  readonly tell?: Tell;
}

/**
 * A result folder that appears whole or not at all (`commit.ts` says how). Files are written under `path(...)`; `commit` puts
 * them in place, `discard` removes them, `keep` sets them aside. One of the three ends the object's life; calling `discard`
 * afterwards does nothing, so it can stand in a `finally`. A process that exits before that takes the files with it; what one
 * that is killed leaves, the next run with this output removes.
 */
export class OutputFolder {
  /** Where the result will be. */
  readonly target: string;
  readonly #work: string;
  readonly #isInside: boolean;
  readonly #overwrite: boolean;
  /** Parent folders that were made for this one, the innermost first. */
  readonly #madeParents: readonly string[];
  readonly #endWatch: () => void;
  #ownsCheckpoints: boolean;
  #isSettled = false;

  private constructor(target: string, work: Work, { overwrite, ownsCheckpoints = false }: OutputFolderOptions) {
    this.target = target;
    this.#work = work.path;
    this.#isInside = work.isInside;
    this.#madeParents = work.madeParents;
    this.#overwrite = overwrite;
    this.#ownsCheckpoints = ownsCheckpoints;
    const [callOff, stopTouching] = [removeAtExit(work.path, work.madeParents), keepTouching(work.path)];
    this.#endWatch = () => {
      callOff();
      stopTouching();
    };
  }

  /**
   * Prepares to write `path`, making its parents, after what killed runs left there is finished or removed. Throws InputError
   * where `path` is a file, holds something and `overwrite` is not set, or cannot be written. Even then a folder that
   * contains the working directory, the home folder, a git repository or one of `inputs` is never replaced.
   */
  static async create(path: string, options: OutputFolderOptions): Promise<OutputFolder> {
    const { overwrite, inputs = {}, ownsCheckpoints = false, tell } = options;
    const target = await resolveTarget(path);
    await requireFolder(target);
    await clearUp(target, tell);
    if (requireReadable(target, ownsCheckpoints).length > 0) await requireReplaceable(target, overwrite, inputs);
    try {
      return new OutputFolder(target, await startWork(target), options);
    } catch (error) {
      throw new InputError(`The output folder ${path} cannot be written: ${describeSystemError(error)}.`);
    }
  }

  /** Where to write `file` (a name within the folder) until `commit`. */
  path(file: string): string {
    return join(resultIn(this.#work), file);
  }

  /** From now on the checkpoints in the target are the run's own: they stay, with the result. */
  ownCheckpoints(): void {
    this.#ownsCheckpoints = true;
  }

  /** @throws InputError where so many bytes do not fit: the earlier folder stays until the new one is whole */
  async requireSpace(bytes: number): Promise<void> {
    const { free, needed, isEnough } = await freeSpace(this.#work, bytes);
    if (isEnough) return;
    const [asked, left] = [needed, free].map((count) => `${(count / 1e6).toPrecision(3)} MB`);
    throw new InputError(`The output folder ${this.target} needs ${asked}, but ${left} are free there.`);
  }

  /**
   * Puts the staged files in place. Where that fails, or someone else filled the folder meanwhile and `overwrite` is not set,
   * the files are kept, the earlier folder is as it was, and the InputError says where both are.
   */
  async commit(): Promise<void> {
    if (this.#isSettled) throw new Error(`the output folder ${this.target} is already settled`);
    if (!this.#overwrite && requireReadable(this.target, this.#ownsCheckpoints).length > 0) {
      const kept = await this.keep();
      throw new InputError(`${this.target} was filled by something else meanwhile; the result is kept in ${kept}.`);
    }
    try {
      await syncFolder(resultIn(this.#work));
      await syncFolder(this.#work);
      if (this.#ownsCheckpoints) takeCheckpoints(this.#work, this.target);
      if (this.#isInside) replaceContent(this.#work, this.target);
      else replaceFolder(this.#work, this.target);
    } catch (error) {
      const failure = `The output folder ${this.target} could not be written: ${describeSystemError(error)}`;
      if (isHalfReplaced(this.#work, this.target)) {
        this.#settle();
        throw new InputError(
          `${failure}. It is half replaced: the result and the earlier files are in ${this.#work}, and the next run with this output finishes.`,
        );
      }
      returnCheckpoints(this.#work, this.target);
      throw new InputError(`${failure}. The result is whole in ${await this.keep()}; move it where it should be.`);
    }
    this.#settle();
    // The result is in place: what cannot be synced or removed now must not turn success into failure.
    await syncFolder(this.#isInside ? this.target : dirname(this.target)).catch(() => undefined);
    await rm(this.#work, { recursive: true, force: true }).catch(() => undefined);
  }

  /** Sets the staged files aside, in a folder that no run removes, and gives its path. */
  async keep(): Promise<string> {
    this.#settle();
    const place = this.#isInside ? join(this.target, keptPath("result")) : keptPath(this.target);
    try {
      await rename(resultIn(this.#work), place);
    } catch {
      return resultIn(this.#work);
    }
    await rm(this.#work, { recursive: true, force: true }).catch(() => undefined);
    return place;
  }

  /** Removes everything staged, and the parents made for it where nothing else is in them. */
  async discard(): Promise<void> {
    if (this.#isSettled) return;
    this.#settle();
    await rm(this.#work, { recursive: true, force: true });
    for (const parent of this.#madeParents) {
      const isGone = await rmdir(parent).then(
        () => true,
        () => false,
      );
      if (!isGone) return;
    }
  }

  #settle(): void {
    this.#isSettled = true;
    this.#endWatch();
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

async function requireFolder(target: string): Promise<void> {
  const found = await stat(target).catch(() => undefined);
  if (found?.isDirectory() === false) throw new InputError(`The output folder ${target} is a file, expected a folder.`);
}

/** What is in the folder, but for checkpoints where they are the run's own. */
function requireReadable(target: string, ownsCheckpoints: boolean): string[] {
  try {
    const own = ownsCheckpoints ? checkpointsIn(target) : undefined;
    return contentsOf(target).filter((name) => join(target, name) !== own);
  } catch (error) {
    throw new InputError(`The output folder ${target} cannot be read: ${describeSystemError(error)}.`);
  }
}

async function requireReplaceable(target: string, overwrite: boolean, inputs: Inputs): Promise<void> {
  if (!overwrite) {
    if (existsSync(checkpointsIn(target)) && !existsSync(join(target, "summary.json"))) {
      throw new InputError(
        `The output folder ${target} has the checkpoints of a run that is not done; \`resume\` goes on with it, \`overwrite\` begins anew.`,
      );
    }
    throw new InputError(
      `The output folder ${target} is not empty; pass \`overwrite\` to replace it, or name another.`,
    );
  }
  const reason = await reasonToKeep(target, inputs);
  if (reason) throw new InputError(`The output folder ${target} is not replaced, even with \`overwrite\`: ${reason}.`);
}

/** A folder to stage in. */
interface Work {
  readonly path: string;
  /** It is in the target, which cannot be renamed. */
  readonly isInside: boolean;
  readonly madeParents: readonly string[];
}

async function startWork(target: string): Promise<Work> {
  const parent = dirname(target);
  const madeParents = await makeFolder(parent);
  const isInside = await mustStay(target);
  const path = isInside ? join(target, ownedName("")) : join(parent, ownedName(basename(target)));
  await mkdir(path);
  await mkdir(resultIn(path));
  return { path, isInside, madeParents };
}

/** Whether a folder is there and cannot be renamed: a file system begins in it, or its parent is not ours to write. */
async function mustStay(target: string): Promise<boolean> {
  const found = await stat(target).catch(() => undefined);
  if (found === undefined) return false;
  const parent = dirname(target);
  if (found.dev !== (await stat(parent)).dev || (await mountPoints()).includes(target)) return true;
  return access(parent, constants.W_OK).then(
    () => false,
    () => true,
  );
}

/** Where file systems begin, as Linux lists them: also those that are a part of another. */
async function mountPoints(): Promise<string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  const unescaped = (path: string) =>
    path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return text.split("\n").map((line) => unescaped(line.split(" ")[4] ?? ""));
}
