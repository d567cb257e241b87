/** A file of an output folder while its run goes, when the folder is not there yet, and after. */
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { resultIn } from "./commit.js";
import { findOwned } from "./owned.js";

export interface LiveFile {
  readonly path: string;
  /** A run is at work on it. */
  readonly isLive: boolean;
}

/**
 * Where a file of an output folder is: in the folder that a run writes now, beside the output folder or in it; else in the output
 * folder. Undefined where there is neither.
 */
export async function findLiveFile(output: string, name: string): Promise<LiveFile | undefined> {
  const target = resolve(output);
  const working = [...(await findOwned(dirname(target), basename(target))), ...(await findOwned(target, ""))];
  for (const { path, isLive } of working) {
    const file = join(resultIn(path), name);
    if (isLive && (await isThere(file))) return { path: file, isLive };
  }
  const file = join(target, name);
  return (await isThere(file)) ? { path: file, isLive: false } : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
