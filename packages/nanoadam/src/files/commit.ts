/**
 * How a finished folder takes the place of an earlier one. At every moment the old or the new one is there, or what is needed to
 * put one there; a run may be killed anywhere, and a disk may fail anywhere. A run stages its result in `WORK/result`, where
 * WORK is a folder of its own (`owned.ts`) beside the target, so on the same file system.
 *
 * 1. Nothing is at the target: one rename.
 * 2. The system can exchange (`exchange.ts`): one exchange, after which `WORK/result` is the old folder; `WORK/journal.json`
 *    has the number of the new one.
 * 3. It cannot: `WORK/journal.json` is written and synced, the old folder is renamed to `WORK/previous`, `WORK/result` to the
 *    target. Between the two renames nothing is at the target.
 * 4. The target cannot be renamed, because it is a mount point or its parent is not writable: WORK is in the target. The journal
 *    names the files, old and new; the old are moved to `WORK/previous`, the configurations first, then the new in, the
 *    configurations last. Without its configuration a half-filled folder is no model, so nobody takes it for one.
 *
 * The checkpoints of the run, which are in the target from the first on (`step-folders.ts`), are moved to `WORK/result` just before, so
 * that they come back with it. Where they are still in it because that was not done, they are moved back.
 *
 * Then WORK is removed. What finds a WORK whose run is dead (`recover.ts`: the next run with this output, and whatever opens
 * the target as a model) finishes by the journal. What then is left of WORK is waste, unless `WORK/result` has weights that a
 * run was killed with before they were in place: those are set aside.
 *
 * The steps of 3 and 4 are synchronous, so that no other work of the process and no signal comes between.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { exchangeFolders } from "./exchange.js";
import { isOwnedName } from "./owned.js";
import { systemErrorCode } from "./system-error.js";

/** The parts of a WORK folder. */
export const resultIn = (work: string): string => join(work, "result");
export const previousIn = (work: string): string => join(work, "previous");
/** The checkpoints of a run, in its output folder. */
export const checkpointsIn = (output: string): string => join(output, "checkpoints");
const journalIn = (work: string) => join(work, "journal.json");

/** How a target is replaced: by an exchange with the folder of this number, by renaming it as a whole, or file by file. */
export type Journal =
  | { readonly replaces: "by exchange"; readonly inode: string }
  | { readonly replaces: "folder" }
  | { readonly replaces: "content"; readonly old: readonly string[]; readonly new: readonly string[] };

/** A name beside the target, or in one that is a mount point, for a result that cannot be in its place. */
export const keptPath = (target: string): string => `${target}.kept-${randomBytes(3).toString("hex")}`;

function isKeptName(name: string): boolean {
  return /\.kept-[0-9a-f]{6}$/.test(name);
}

/** Names in an output folder; none where it does not exist. What belongs to the file system or a run, or was kept, does not count. */
export function contentsOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name !== "lost+found" && !isOwnedName(name) && !isKeptName(name));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** Puts `WORK/result` in the target's place as a whole. @throws what the system says; then the target is as it was, or journaled */
export function replaceFolder(work: string, target: string): void {
  if (contentsOf(target).length === 0) {
    renameSync(resultIn(work), target);
    return;
  }
  writeJournal(work, { replaces: "by exchange", inode: inodeOf(resultIn(work)) });
  if (exchangeFolders(resultIn(work), target)) return;
  writeJournal(work, { replaces: "folder" });
  renameSync(target, previousIn(work));
  try {
    renameSync(resultIn(work), target);
  } catch (error) {
    try {
      renameSync(previousIn(work), target);
    } catch {
      // One of two ought to succeed; else the journal stays.
      renameSync(resultIn(work), target);
      return;
    }
    throw error;
  }
}

/** Puts what is in `WORK/result` in the place of what is in the target, file by file. */
export function replaceContent(work: string, target: string): void {
  const journal = { replaces: "content", old: contentsOf(target), new: readdirSync(resultIn(work)) } as const;
  writeJournal(work, journal);
  try {
    finishContent(work, target, journal);
  } catch {
    // What failed once may not fail again, and nothing is lost by going on.
    finishContent(work, target, journal);
  }
}

/**
 * Whether `WORK/result` is worth keeping: it has the weights, which are there whole or not at all, and is not the earlier
 * folder, exchanged.
 */
export function hasOwnWeights(work: string): boolean {
  const hasWeights = namesIn(resultIn(work)).some((name) => name.endsWith(".safetensors") && !isOwnedName(name));
  return hasWeights && !wasExchanged(work);
}

/** Whether `WORK/result` is the earlier folder. */
function wasExchanged(work: string): boolean {
  const journal = readJournal(work);
  return journal?.replaces === "by exchange" && journal.inode !== inodeOf(resultIn(work));
}

/** Moves the target's checkpoints to `WORK/result`; harmless where there are none. */
export function takeCheckpoints(work: string, target: string): void {
  moveIfThere(checkpointsIn(target), checkpointsIn(resultIn(work)));
}

/** Moves checkpoints that wait in `WORK/result` back to the target, and says whether there were any. */
export function returnCheckpoints(work: string, target: string): boolean {
  const waiting = checkpointsIn(resultIn(work));
  if (!existsSync(waiting) || existsSync(checkpointsIn(target)) || wasExchanged(work)) return false;
  mkdirSync(target, { recursive: true });
  renameSync(waiting, checkpointsIn(target));
  return true;
}

function inodeOf(path: string): string {
  return String(statSync(path, { bigint: true }).ino);
}

/** Whether a replacement was begun and is neither done nor undone: what is missing at the target is in `work`. */
export function isHalfReplaced(work: string, target: string): boolean {
  const journal = readJournal(work);
  if (journal === undefined || journal.replaces === "by exchange") return false;
  if (journal.replaces === "folder") return existsSync(previousIn(work)) && contentsOf(target).length === 0;
  return existsSync(previousIn(work)) && namesIn(resultIn(work)).length > 0;
}

/** Does what is left to do of a replacement by files; any number of times, from any state. */
export function finishContent(work: string, target: string, journal: Extract<Journal, { replaces: "content" }>): void {
  const waiting = new Set(namesIn(resultIn(work)));
  const isReplaced = (name: string) => journal.new.includes(name) && !waiting.has(name);
  mkdirSync(previousIn(work), { recursive: true });
  const moved = new Set(namesIn(previousIn(work)));
  for (const name of journal.old.toSorted(byConfiguration)) {
    if (!isReplaced(name) && !moved.has(name)) moveIfThere(join(target, name), join(previousIn(work), name));
  }
  for (const name of journal.new.toSorted(byConfiguration).toReversed()) {
    if (waiting.has(name)) renameSync(join(resultIn(work), name), join(target, name));
  }
}

/** Without one of these a folder is no model; an adapter's comes first, since the other alone would be a model's. */
const configurations = ["adapter_config.json", "config.json"];

function byConfiguration(one: string, other: string): number {
  const place = (name: string) =>
    configurations.includes(name) ? configurations.indexOf(name) : configurations.length;
  return place(one) - place(other);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
}

function writeJournal(work: string, journal: Journal): void {
  const draft = `${journalIn(work)}.draft`;
  const file = openSync(draft, "w");
  try {
    writeSync(file, JSON.stringify(journal));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, journalIn(work));
}

/** The journal of a WORK folder; undefined where it came to none. */
export function readJournal(work: string): Journal | undefined {
  try {
    const journal = JSON.parse(readFileSync(journalIn(work), "utf8")) as Partial<Journal>;
    if (journal.replaces === "folder") return { replaces: "folder" };
    if (journal.replaces === "by exchange") return { replaces: "by exchange", inode: String(journal.inode) };
    const { old, new: fresh } = journal as { readonly old?: unknown; readonly new?: unknown };
    const areNames = (names: unknown): names is string[] =>
      Array.isArray(names) &&
      names.every((name) => typeof name === "string" && /^[^/\\]+$/.test(name) && !/^\.+$/.test(name));
    return areNames(old) && areNames(fresh) ? { replaces: "content", old, new: fresh } : undefined;
  } catch {
    return undefined;
  }
}
