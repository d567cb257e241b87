import { createHash } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { locateModel } from "../checkpoint/locate-model.js";
import { type BaseWeights, openBaseWeights, sha256Of } from "../delta/base-weights.js";
import { type DeltaFile, openDelta } from "../delta/delta-file.js";
import type { FileEntry } from "../delta/manifest.js";
import { applyTensorDelta } from "../delta/tensor-delta.js";
import { InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { replaceFile, writeFileAtomically } from "../files/write-file.js";
import { type ApplyInput, applySchema } from "../options/delta-options.js";
import { parseOptions } from "../options/parse-options.js";
import type { NoticeListener } from "../train/observer.js";
import { deltaName } from "./delta.js";

/**
 * Rebuilds the folder that a delta was made of, every file bit for bit.
 * @throws InputError for another base than that of the delta, naming both, or a delta that is none or damaged.
 */
export async function applyDelta(input: ApplyInput, listener: NoticeListener = {}): Promise<void> {
  const { base: named, delta: path, output: target, overwrite } = parseOptions(applySchema, input);
  const baseFolder = await locateModel(named);
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const delta = await openDelta(isFolder ? join(path, deltaName) : path);
  let base: BaseWeights | undefined;
  let output: OutputFolder | undefined;
  try {
    base = await openBaseWeights(baseFolder);
    const inputs = { base: baseFolder, delta: path };
    output = await OutputFolder.create(target, { overwrite, inputs, tell: (notice) => listener.onNotice?.(notice) });
    await output.requireSpace(delta.manifest.files.reduce((sum, { size }) => sum + size, 0));
    for (const file of delta.manifest.files) {
      await mkdir(dirname(output.path(file.path)), { recursive: true });
      if (file.kind === "weights") await writeWeights(output.path(file.path), file, delta, base);
      else await writeFileAtomically(output.path(file.path), await wholeFile(file, delta, baseFolder));
    }
    await output.commit();
  } finally {
    await output?.discard();
    await base?.close();
    await delta.close();
  }
}

async function wholeFile(
  file: Exclude<FileEntry, { readonly kind: "weights" }>,
  delta: DeltaFile,
  baseFolder: string,
): Promise<Uint8Array> {
  if (file.kind === "whole") {
    const bytes = await delta.read(file.parts[0], file.size);
    requireHash(delta, file, sha256Of(bytes));
    return bytes;
  }
  const path = join(baseFolder, file.path);
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes !== undefined && sha256Of(bytes) === file.sha256) return bytes;
  const found = bytes === undefined ? "is not there" : "is another file";
  throw new InputError(`${delta.path} is of the base ${delta.manifest.base}, but ${path} ${found}`);
}

async function writeWeights(
  path: string,
  file: Extract<FileEntry, { readonly kind: "weights" }>,
  delta: DeltaFile,
  base: BaseWeights,
): Promise<void> {
  const hash = createHash("sha256");
  await replaceFile(path, async (handle) => {
    const write = async (bytes: Uint8Array) => {
      hash.update(bytes);
      await handle.writeFile(bytes);
    };
    await write(await delta.read(file.parts[0], file.headerSize));
    for (const tensor of file.tensors) await write(await applyTensorDelta(delta, base, tensor));
    requireHash(delta, file, hash.digest("hex"));
  });
}

function requireHash({ path }: DeltaFile, file: FileEntry, found: string): void {
  if (found === file.sha256) return;
  throw new InputError(
    `${path}: ${file.path} came out with the SHA-256 ${found}, expected ${file.sha256}; is it damaged?`,
  );
}
