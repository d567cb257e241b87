/** What killed runs left: commits to finish, and waste. The protocol is in `commit.ts`. */
import { randomBytes } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { contentsOf, finishContent, isHalfReplaced, previousIn, readJournal, resultIn } from "./commit.js";
import { findOwned } from "./owned.js";

export type Tell = (notice: string) => void;

/** Finishes a commit to this folder that a killed run had begun: for whoever wants to read it. */
export async function finishCommit(folder: string, tell: Tell = () => undefined): Promise<void> {
  for (const work of await abandonedBy(resolve(folder))) finish(work, resolve(folder), tell);
}

/** Finishes such commits, and removes what killed runs with this output left: for who is about to write it. */
export async function clearUp(folder: string, tell: Tell = () => undefined): Promise<void> {
  for (const work of await abandonedBy(folder)) {
    finish(work, folder, tell);
    if (!isHalfReplaced(work, folder)) await sweep(work, tell);
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
    if (journal?.replaces === "content") {
      if (contentsOf(resultIn(work)).length === 0) return;
      finishContent(work, target, journal);
    } else if (journal?.replaces === "folder") {
      if (!existsSync(resultIn(work))) {
        if (isHalfReplaced(work, target)) renameSync(previousIn(work), target);
        return;
      }
      if (contentsOf(target).length > 0) {
        const kept = keptPath(target);
        renameSync(resultIn(work), kept);
        tell(`the result of a run that was killed while it replaced ${target} is in ${kept}`);
        return;
      }
      renameSync(resultIn(work), target);
    } else return;
    tell(`finished putting the result in ${target}, where a run was killed`);
  } catch {
    // Whoever may write here finishes.
    if (isHalfReplaced(work, target)) {
      tell(`a run was killed while it replaced ${target}, and that cannot be finished here; its files are in ${work}`);
    }
  }
}

/** A name beside the target for a result that cannot be there. */
export function keptPath(target: string): string {
  return `${target}.kept-${randomBytes(3).toString("hex")}`;
}
