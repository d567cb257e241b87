/**
 * The checkpoints of a run, `OUTPUT/checkpoints/step-N`. Each is there whole or not at all: it is written beside its place under
 * a name of the run's own (`owned.ts`), synced, and renamed, or exchanged with one that is there. One that goes is first renamed
 * to such a name. What a run that was killed left under such names the next one with these checkpoints removes.
 */
import { renameSync } from "node:fs";
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { checkpointsIn } from "./commit.js";
import { exchangeFolders } from "./exchange.js";
import { makeFolder } from "./make-folder.js";
import { ownedName } from "./owned.js";
import { sweepOwned } from "./recover.js";
import { removeAtExit } from "./remove-at-exit.js";
import { syncFolder } from "./sync-folder.js";
import { systemErrorCode } from "./system-error.js";

export class StepFolders {
  /** Where they are. */
  readonly parent: string;

  /** @param output the run's output folder, which need not be there */
  constructor(output: string) {
    this.parent = checkpointsIn(output);
  }

  path(step: number): string {
    return join(this.parent, `step-${step}`);
  }

  /** The steps that there are checkpoints of, ascending; none where the folder cannot be read. */
  async steps(): Promise<number[]> {
    const names = await readdir(this.parent).catch(() => []);
    return names
      .flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  /**
   * Writes the checkpoint of a step with `fill`, which is given the folder to write to. Where that fails nothing is changed.
   * @throws whatever `fill` throws, and what the system says
   */
  async write(step: number, fill: (folder: string) => Promise<void>): Promise<void> {
    const made = await makeFolder(this.parent);
    const staged = join(this.parent, ownedName(`step-${step}`));
    const callOff = removeAtExit(staged, made);
    try {
      await mkdir(staged);
      await fill(staged);
      await syncFolder(staged);
      this.#put(staged, this.path(step));
      await syncFolder(this.parent);
    } finally {
      callOff();
      await rm(staged, { recursive: true, force: true }).catch(() => undefined);
      // Those that have something in them stay.
      for (const folder of made) await rmdir(folder).catch(() => undefined);
    }
  }

  /** Puts a folder in its place; an earlier one, of a run that is done over, then is where it was. */
  #put(staged: string, place: string): void {
    try {
      renameSync(staged, place);
    } catch (error) {
      if (!["ENOTEMPTY", "EEXIST", "EPERM"].includes(systemErrorCode(error) ?? "")) throw error;
      if (exchangeFolders(staged, place)) return;
      const earlier = join(this.parent, ownedName("earlier"));
      renameSync(place, earlier);
      renameSync(staged, place);
      renameSync(earlier, staged);
    }
  }

  /** Removes the checkpoint of a step; harmless where there is none. */
  async remove(step: number): Promise<void> {
    const waste = join(this.parent, ownedName(`step-${step}`));
    await rename(this.path(step), waste).catch(() => undefined);
    await rm(waste, { recursive: true, force: true }).catch(() => undefined);
  }

  /** Removes all of them, and their folder where nothing else is in it. */
  async removeAll(): Promise<void> {
    for (const step of await this.steps()) await this.remove(step);
    await rmdir(this.parent).catch(() => undefined);
  }

  /** Removes what runs that were killed left of checkpoints that are none. */
  async sweep(): Promise<void> {
    await sweepOwned(this.parent, undefined);
  }
}

/** The output folder that a folder of a checkpoint belongs to, and its step; undefined of any other. */
export function stepOf(folder: string): { readonly output: string; readonly step: number } | undefined {
  const output = dirname(dirname(folder));
  const step = /^step-(\d+)$/.exec(folder.slice(dirname(folder).length + 1))?.[1];
  return step === undefined || checkpointsIn(output) !== dirname(folder) ? undefined : { output, step: Number(step) };
}
