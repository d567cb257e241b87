import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { ConfiguredFolder, type ConfiguredFolderOptions, namesIn } from "../files/configured-folder.js";
import { readJsonObject } from "../files/read-json.js";
import { sweepOwned } from "../files/recover.js";
import { writeFileAtomically } from "../files/write-file.js";
import type { Comparison } from "./comparison.js";
import { comparisonHtml } from "./html.js";
import { comparisonMarkdown } from "./markdown.js";
import { sharedDefaults } from "./options.js";
import { isFinished, type RunResult, runResultSchema } from "./run-result.js";
import { type Run, runFileName, runName } from "./schedule.js";

export type ComparisonFolderOptions = Pick<ConfiguredFolderOptions, "configuration" | "overwrite" | "inputs" | "tell">;

/**
 * The folder of a comparison: `configuration.json`, a file for each run that has ended, and the comparison drawn up.
 * Every file is there whole or not at all. Nothing is removed or written before the first run is kept.
 */
export class ComparisonFolder {
  readonly path: string;
  readonly #folder: ConfiguredFolder;
  readonly #overwrite: boolean;
  #begun: Promise<void> | undefined;

  private constructor(folder: ConfiguredFolder, overwrite: boolean) {
    this.path = folder.path;
    this.#folder = folder;
    this.#overwrite = overwrite;
  }

  /**
   * Opens a folder for a comparison, making it where there is none.
   * @throws InputError where it cannot be written, holds something else, or, without `overwrite`, a comparison of runs
   * that were configured otherwise.
   */
  static async open(path: string, options: ComparisonFolderOptions): Promise<ComparisonFolder> {
    const content = { name: "a comparison", other: "a comparison of other runs" };
    const defaults = sharedDefaults();
    const folder = await ConfiguredFolder.open(path, { ...options, command: "nanoadam compare", content, defaults });
    await sweepOwned(join(folder.path, "runs"), undefined, options.tell);
    return new ComparisonFolder(folder, options.overwrite);
  }

  /**
   * The results to go on from, by the names of their runs: those that finished or diverged, and none with `overwrite`.
   * Runs that failed otherwise are worth another try.
   * @throws InputError for a file that is no run's.
   */
  async results(): Promise<Map<string, RunResult>> {
    const results = new Map<string, RunResult>();
    if (this.#overwrite) return results;
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
  release(): Promise<void> {
    return this.#folder.release();
  }

  async #begin(): Promise<void> {
    if (this.#overwrite) {
      for (const file of await runFiles(this.path, /^[^.].*\.(json|safetensors)$/)) await rm(file);
    }
    await this.#folder.begin();
    await mkdir(join(this.path, "runs"), { recursive: true });
  }
}

async function writeJson(path: string, content: unknown): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(content, null, 2)}\n`);
}

async function runFiles(folder: string, pattern = /^[^.].*\.json$/): Promise<string[]> {
  const names = await namesIn(join(folder, "runs"));
  return names.filter((name) => pattern.test(name)).map((name) => join(folder, "runs", name));
}
