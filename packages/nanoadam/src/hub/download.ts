/** One file into the cache: resumed where it was left, and checked by size and hash. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, open, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { InputError } from "../errors.js";
import { type HubFile, refusalOf, request } from "./client.js";
import type { HubReference } from "./reference.js";
import type { HubSettings } from "./settings.js";

const attempts = 5;

export interface Place {
  /** The repository's folder of the cache. */
  readonly folder: string;
  readonly commit: string;
}

/** The repository's folder in the cache, as huggingface_hub names it. */
export function repositoryFolder({ type, name }: HubReference, { cache }: HubSettings): string {
  return join(cache, [`${type}s`, ...name.split("/")].join("--"));
}

export function snapshotFolder({ folder, commit }: Place): string {
  return join(folder, "snapshots", commit);
}

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * A file's path in the snapshot of a commit, fetched unless it is there.
 * @throws InputError where it cannot be fetched, or what comes is not what the Hub lists
 */
export async function fetchFile(
  reference: HubReference,
  file: HubFile,
  place: Place,
  settings: HubSettings,
): Promise<string> {
  const path = join(snapshotFolder(place), file.path);
  if (await isThere(path)) return path;
  const blob = join(place.folder, "blobs", file.etag);
  await mkdir(dirname(blob), { recursive: true });
  await mkdir(dirname(path), { recursive: true });
  if (!(await isThere(blob))) await fetchBlob(reference, file, place, settings, blob);
  // A link that leads nowhere may stand there.
  await rm(path, { force: true });
  await symlink(relative(dirname(path), blob), path).catch(() => copyFile(blob, path));
  return path;
}

async function fetchBlob(
  reference: HubReference,
  file: HubFile,
  { commit }: Place,
  settings: HubSettings,
  blob: string,
): Promise<void> {
  const incomplete = `${blob}.incomplete`;
  const { type, name } = reference;
  const repository = type === "model" ? name : `${type}s/${name}`;
  const url = `${settings.endpoint}/${repository}/resolve/${commit}/${file.path.split("/").map(encodeURIComponent).join("/")}`;
  let found = "";
  for (let attempt = 0; attempt < attempts; attempt++) {
    const begun = (await stat(incomplete).catch(() => undefined))?.size ?? 0;
    if (begun < file.size || begun === 0) {
      const headers: Record<string, string> = begun > 0 ? { range: `bytes=${begun}-` } : {};
      const response = await request(url, settings, headers);
      if (!response.ok && response.status !== 416) throw await refusalOf(response, reference, settings);
      const isWhole = await append(response, incomplete, response.status === 206 ? begun : 0);
      if (!isWhole) continue;
    }
    found = await problemOf(incomplete, file);
    if (found === "") {
      await rename(incomplete, blob);
      return;
    }
    // What an earlier attempt has left may be of something else.
    await rm(incomplete, { force: true });
    if (begun === 0 && attempt > 0) break;
  }
  throw new InputError(
    `${name}: ${file.path} ${found || "broke off each time; the same command goes on where it stopped"}`,
  );
}

/** Writes an answer from a place on; false where it broke off. */
async function append(response: Response, path: string, from: number): Promise<boolean> {
  const target = await open(path, from > 0 ? "r+" : "w");
  let at = from;
  try {
    for await (const piece of response.body ?? []) {
      const { bytesWritten } = await target.write(piece as Uint8Array, 0, (piece as Uint8Array).length, at);
      at += bytesWritten;
    }
    return true;
  } catch (error) {
    if (error instanceof Error && "syscall" in error && error.syscall === "write") throw error;
    return false;
  } finally {
    await target.close();
  }
}

/** What is wrong with a file that was fetched; "" where nothing is. */
async function problemOf(path: string, { size, etag, isLarge }: HubFile): Promise<string> {
  const length = (await stat(path)).size;
  if (length !== size) return `came with ${length} bytes, expected ${size}`;
  // Git's hash of a file is of its length, too.
  const hash = isLarge ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  const digest = hash.digest("hex");
  return digest === etag ? "" : `came with the hash ${digest}, expected ${etag}`;
}
