import { mkdir, readdir, realpath, rm, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { InputError, shown } from "../errors.js";
import { type Inputs, inputAt } from "../files/input-places.js";
import { makeFolder } from "../files/make-folder.js";
import { isOwnedName } from "../files/owned.js";
import { readJsonObject } from "../files/read-json.js";
import { sweepOwned, type Tell } from "../files/recover.js";
import { describeSystemError, systemErrorCode } from "../files/system-error.js";
import { writeFileAtomically } from "../files/write-file.js";
import type { Comparison } from "./comparison.js";
import { comparisonHtml } from "./html.js";
import { comparisonMarkdown } from "./markdown.js";
import { sharedDefaults } from "./options.js";
import { isFinished, type RunResult, runResultSchema } from "./run-result.js";
import { type Run, runFileName, runName } from "./schedule.js";

export interface ComparisonFolderOptions {
  /** The options that all runs of the comparison share. */
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Start anew where the folder has a comparison. */
  readonly overwrite: boolean;
  /** What the runs are made from: a folder that holds any of it is none for a comparison. */
  readonly inputs: Inputs;
  /** Told, a sentence each, what killed comparisons had left. */
  readonly tell?: Tell | undefined;
}

/**
 * The folder of a comparison: `configuration.json`, a file for each run that has ended, and the comparison drawn up.
 * Every file is there whole or not at all. Nothing is removed or written before the first run is kept.
 */
export class ComparisonFolder {
  readonly path: string;
  readonly #options: ComparisonFolderOptions;
  /** Folders that were made, the innermost first. */
  readonly #made: readonly string[];
  #begun: Promise<void> | undefined;

  private constructor(path: string, options: ComparisonFolderOptions, made: readonly string[]) {
    this.path = path;
    this.#options = options;
    this.#made = made;
  }

  /**
   * Opens a folder for a comparison, making it where there is none.
   * @throws InputError where it cannot be written, holds something else, or, without `overwrite`, a comparison of runs
   * that were configured otherwise.
   */
  static async open(path: string, options: ComparisonFolderOptions): Promise<ComparisonFolder> {
    const target = resolve(path);
    const input = await inputAt(await realpath(target).catch(() => target), options.inputs);
    if (input !== undefined) {
      throw new InputError(`The output folder ${target} has \`${input.name}\` (${input.path}) in it; name another.`);
    }
    const names = (await namesIn(target)).filter((name) => !isOwnedName(name));
    const kept = names.includes(configurationFile) ? await readConfiguration(target) : undefined;
    if (kept === undefined && names.length > 0) {
      throw new InputError(`The output folder ${target} holds something else than a comparison; name another.`);
    }
    // An option that came after the comparison was begun had its default then.
    if (kept !== undefined && !options.overwrite) {
      requireSame(target, { ...sharedDefaults(), ...kept }, options.configuration);
    }
    try {
      const made = await makeFolder(target);
      await sweepOwned(target, undefined, options.tell);
      await sweepOwned(join(target, "runs"), undefined, options.tell);
      return new ComparisonFolder(target, options, made);
    } catch (error) {
      throw new InputError(`The output folder ${path} cannot be written: ${describeSystemError(error)}.`);
    }
  }

  /**
   * The results to go on from, by the names of their runs: those that finished or diverged, and none with `overwrite`.
   * Runs that failed otherwise are worth another try.
   * @throws InputError for a file that is no run's.
   */
  async results(): Promise<Map<string, RunResult>> {
    const results = new Map<string, RunResult>();
    if (this.#options.overwrite) return results;
    for (const file of await runFiles(this.path)) {
      const parsed = runResultSchema.safeParse(await readJsonObject(file));
      if (!parsed.success) throw new InputError(`${file} is no result of a run; remove it to have the run made again.`);
      const result = parsed.data;
      if (isFinished(result) || result.diverged) results.set(runName(result), result);
    }
    return results;
  }

  /** Keeps the result of a run. */
  async keep(result: RunResult): Promise<void> {
    this.#begun ??= this.#begin();
    await this.#begun;
    await writeJson(join(this.path, "runs", `${runFileName(result)}.json`), result);
  }

  /** Where a run's model is kept as what it changed of its base. */
  async modelPath(run: Run): Promise<string> {
    this.#begun ??= this.#begin();
    await this.#begun;
    return join(this.path, "runs", `${runFileName(run)}.safetensors`);
  }

  /** Writes a comparison as JSON, Markdown and HTML. */
  async write(comparison: Comparison): Promise<void> {
    await writeJson(join(this.path, "comparison.json"), comparison);
    await writeFileAtomically(join(this.path, "comparison.md"), comparisonMarkdown(comparison));
    await writeFileAtomically(join(this.path, "comparison.html"), comparisonHtml(comparison));
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

  async #begin(): Promise<void> {
    if (this.#options.overwrite) {
      for (const file of await runFiles(this.path, /^[^.].*\.(json|safetensors)$/)) await rm(file);
    }
    await writeJson(join(this.path, configurationFile), { command, options: this.#options.configuration });
    await mkdir(join(this.path, "runs"), { recursive: true });
  }
}

const configurationFile = "configuration.json";
const command = "nanoadam compare";

async function writeJson(path: string, content: unknown): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(content, null, 2)}\n`);
}

/** The configuration of the comparison in a folder; undefined where the file is not a comparison's. */
async function readConfiguration(folder: string): Promise<Record<string, unknown> | undefined> {
  const content = await readJsonObject(join(folder, configurationFile));
  const isOurs = content?.command === command && typeof content.options === "object" && content.options !== null;
  return isOurs ? (content.options as Record<string, unknown>) : undefined;
}

/** Names in a folder; none where it does not exist. */
async function namesIn(folder: string): Promise<string[]> {
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
  asked: Readonly<Record<string, unknown>>,
): void {
  const told = (value: unknown) => (value === undefined ? "none" : shown(value));
  const differing = [...new Set([...Object.keys(kept), ...Object.keys(asked)])]
    .filter((name) => JSON.stringify(kept[name]) !== JSON.stringify(asked[name]))
    .map((name) => `\`${name}\` was ${told(kept[name])} and is now ${told(asked[name])}`);
  if (differing.length === 0) return;
  throw new InputError(
    `The output folder ${folder} holds a comparison of other runs: ${differing.join(", ")}; pass \`overwrite\` to start anew, or name another.`,
  );
}

async function runFiles(folder: string, pattern = /^[^.].*\.json$/): Promise<string[]> {
  const names = await namesIn(join(folder, "runs"));
  return names.filter((name) => pattern.test(name)).map((name) => join(folder, "runs", name));
}
