/** What killed runs left: commits to finish, and waste. The protocol is in `commit.ts`. */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  finishContent,
  hasOwnWeights,
  isHalfReplaced,
  keptPath,
  previousIn,
  readJournal,
  resultIn,
  returnCheckpoints,
} from "./commit.js";
import { findOwned, isOwnedName } from "./owned.js";

export type Tell = (notice: string) => void;

/** Finishes a commit to this folder that a killed run had begun: for whoever wants to read it. */
export async function finishCommit(folder: string, tell: Tell = () => undefined): Promise<void> {
  for (const work of await abandonedBy(resolve(folder))) finish(work, resolve(folder), tell);
}

/** Whether a folder is there, once a commit to it that a killed run had begun is finished. */
export async function isWholeFolder(folder: string, tell?: Tell): Promise<boolean> {
  await finishCommit(folder, tell);
  return (await stat(folder).catch(() => undefined))?.isDirectory() === true;
}

/** Finishes such commits, and removes what killed runs with this output left: for who is about to write it. */
export async function clearUp(folder: string, tell: Tell = () => undefined): Promise<void> {
  for (const work of await abandonedBy(folder)) {
    finish(work, folder, tell);
    if (isHalfReplaced(work, folder)) continue;
    if (hasOwnWeights(work)) setAside(work, folder, tell);
    if (!hasOwnWeights(work)) await sweep(work, tell);
  }
}

/** Removes what killed runs left in a folder under a label, or under any. */
export async function sweepOwned(
  folder: string,
  label: string | undefined,
  tell: Tell = () => undefined,
): Promise<void> {
  for (const { path, isLive } of await findOwned(folder, label)) if (!isLive) await sweep(path, tell);
}

async function sweep(path: string, tell: Tell): Promise<void> {
  const isGone = await rm(path, { recursive: true, force: true }).then(
    () => true,
    () => false,
  );
  if (isGone) tell(`removed ${path}, which a run that was killed had left`);
}

/** Beside the folder and in it. */
async function abandonedBy(folder: string): Promise<string[]> {
  const [beside, inside] = [await findOwned(dirname(folder), basename(folder)), await findOwned(folder, "")];
  return [...beside, ...inside].filter(({ isLive }) => !isLive).map(({ path }) => path);
}

function finish(work: string, target: string, tell: Tell): void {
  const journal = readJournal(work);
  try {
    if (journal?.replaces === "content" && isHalfReplaced(work, target)) finishContent(work, target, journal);
    else if (journal?.replaces === "folder" && isHalfReplaced(work, target)) {
      renameSync(existsSync(resultIn(work)) ? resultIn(work) : previousIn(work), target);
    } else {
      if (returnCheckpoints(work, target)) tell(`moved the checkpoints of a run that was killed back to ${target}`);
      return;
    }
    tell(`finished putting the result in ${target}, where a run was killed`);
  } catch {
    // Whoever may write here finishes.
    tell(`a run was killed while it replaced ${target}, and that cannot be finished here; its files are in ${work}`);
  }
}

/** Keeps weights that a run was killed with before they were in their place. */
function setAside(work: string, target: string, tell: Tell): void {
  const kept = keptPath(dirname(work) === target ? join(target, "result") : target);
  try {
    for (const name of readdirSync(resultIn(work)).filter(isOwnedName)) rmSync(join(resultIn(work), name));
    renameSync(resultIn(work), kept);
    tell(`weights that a run was killed with before they were in ${target} are in ${kept}`);
  } catch {
    tell(`weights that a run was killed with before they were in ${target} are in ${resultIn(work)}`);
  }
}
