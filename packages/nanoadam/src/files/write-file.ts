import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { InputError } from "../errors.js";
import { ownedName } from "./owned.js";
import { removeAtExit } from "./remove-at-exit.js";
import { describeSystemError } from "./system-error.js";

/**
 * Writes a file so that it is either there whole or not at all: into a temporary file beside it, synced to disk, then
 * renamed over `path`. `write` gets the open temporary file. A failed write leaves what was at `path` untouched and no
 * temporary file behind; a failure of the system becomes an InputError that names the path and the reason.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), ownedName(basename(path)));
  const callOff = removeAtExit(temporary);
  try {
    const file = await open(temporary, "wx");
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (error instanceof InputError || !isSystemError(error)) throw error;
    throw new InputError(`${path} could not be written: ${describeSystemError(error)}.`);
  } finally {
    callOff();
  }
}

/** Writes a whole text (UTF-8) or bytes to `path`, or nothing; see `replaceFile`. */
export async function writeFileAtomically(path: string, content: string | Uint8Array): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(content));
}

/** Copies a file's content to `path`, whole or not at all; see `replaceFile`. */
export async function copyFileAtomically(from: string, path: string): Promise<void> {
  await replaceFile(path, async (file) => {
    for await (const piece of createReadStream(from)) await file.writeFile(piece as Uint8Array);
  });
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
