import { open, stat } from "node:fs/promises";
import { InputError } from "../errors.js";
import { pointerBytes, refuseGitLfsPointer } from "./git-lfs.js";
import { describeSystemError } from "./system-error.js";

/** JavaScript's longest string is a little above this many UTF-16 units. */
export const largestText = 500 * 2 ** 20;

/** A regular file, whose size is known before it is read. */
export interface RegularFile {
  readonly size: number;
  /** Its first bytes, 200 or fewer. */
  readonly start: Uint8Array;
}

/**
 * Looks at a file that is to be read.
 * @param name what messages call the file
 * @throws InputError for a folder, a pipe, a device, and a Git LFS pointer; errors of the system as they are
 */
export async function inspectFile(path: string, name = path): Promise<RegularFile> {
  const status = await stat(path);
  if (!status.isFile()) {
    const kind = status.isDirectory()
      ? "a folder"
      : status.isFIFO()
        ? "a pipe"
        : status.isSocket()
          ? "a socket"
          : "a device";
    throw new InputError(`${name} could not be read: it is ${kind}, expected a file.`);
  }
  const handle = await open(path);
  try {
    const buffer = new Uint8Array(Math.min(status.size, pointerBytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    const start = buffer.subarray(0, bytesRead);
    refuseGitLfsPointer(start, path);
    return { size: status.size, start };
  } finally {
    await handle.close();
  }
}

/** Texts of this size are young when they are done with, and V8 frees them at once; larger ones wait for a collection of everything. */
const bytesOfPiece = 1 << 16;

/** The bytes of a file, a piece at a time; each piece is valid until the next. */
export async function* readInPieces(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path);
  try {
    const buffer = new Uint8Array(bytesOfPiece);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of a regular file of at most 500 MiB.
 * @param name what messages call the file
 * @throws InputError for everything else than such a file; see `inspectFile`
 */
export async function readWholeFile(path: string, name = path): Promise<Uint8Array> {
  const { size } = await inspectFile(path, name);
  if (size > largestText) throw new InputError(`${name} has ${size} bytes, at most ${largestText} are read; split it.`);
  const handle = await open(path);
  try {
    // What is appended meanwhile is not read.
    const bytes = new Uint8Array(size);
    let length = 0;
    for (let isMore = true; isMore && length < size; ) {
      const { bytesRead } = await handle.read(bytes, length, size - length, length);
      length += bytesRead;
      isMore = bytesRead > 0;
    }
    return bytes.subarray(0, length);
  } finally {
    await handle.close();
  }
}

/** A fault of the system while reading as an InputError; any other error as it is. */
export function unreadable(error: unknown, name: string): unknown {
  if (error instanceof InputError || !(error instanceof Error) || !("syscall" in error)) return error;
  return new InputError(`${name} could not be read: ${describeSystemError(error)}.`);
}
