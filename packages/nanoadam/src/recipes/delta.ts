import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join, relative, resolve, sep } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import { locateModel } from "../checkpoint/locate-model.js";
import { openWeightFile, type WeightFile } from "../checkpoint/weight-files.js";
import { type BaseWeights, openBaseWeights, readBytes, readTensorBytes } from "../delta/base-weights.js";
import { DeltaWriter } from "../delta/delta-file.js";
import type { FileEntry, TensorDelta } from "../delta/manifest.js";
import { partsOf, writeTensorDelta } from "../delta/tensor-delta.js";
import { InputError } from "../errors.js";
import { requireWritable } from "../files/output-file.js";
import { finishCommit } from "../files/recover.js";
import { replaceFile } from "../files/write-file.js";
import { type DeltaInput, deltaSchema } from "../options/delta-options.js";
import { parseOptions } from "../options/parse-options.js";

/** The file that a folder of `--output` gets. */
export const deltaName = "delta.safetensors";

export interface DeltaReport {
  /** The file that was written. */
  readonly file: string;
  readonly bytes: number;
  /** Bytes of the folder that it stands for. */
  readonly folderBytes: number;
  /** Entries of the base's tensors that are there again, and how many of them differ. */
  readonly entries: number;
  readonly changed: number;
}

/**
 * Writes what makes a fine-tuned folder of its base, to the last bit of every file: of tensors that the base has the entries that
 * differ, and of everything else what the base does not have.
 *
 * @throws InputError for folders that are no models, or an output that cannot be written.
 */
export async function writeDelta(input: DeltaInput): Promise<DeltaReport> {
  const { model, base: named, output, overwrite } = parseOptions(deltaSchema, input);
  const baseFolder = await locateModel(named);
  await finishCommit(model);
  const isFolder = (await stat(output).catch(() => undefined))?.isDirectory() ?? extname(output) !== ".safetensors";
  const file = isFolder ? join(output, deltaName) : output;
  await requireWritable(file, { overwrite, inputs: { model, base: baseFolder } });
  const base = await openBaseWeights(baseFolder);
  try {
    const paths = await filesOf(model);
    const opened = new Map<string, WeightFile>();
    try {
      for (const path of paths) {
        if (extname(path) === ".safetensors") opened.set(path, await openWeightFile(join(model, path)));
      }
      const tensors = [...opened].flatMap(([path, { tensors: own }]) =>
        [...own.keys()].flatMap((name) => partsOf(path, name)),
      );
      const written: FileEntry[] = [];
      await replaceFile(file, async (handle) => {
        const writer = DeltaWriter.create(handle, [...paths, ...tensors]);
        for (const path of paths) {
          const weights = opened.get(path);
          const entry =
            weights === undefined
              ? await addFile(writer, { path, model, base: baseFolder })
              : await addWeights(writer, path, weights, base);
          written.push(entry);
        }
        await writer.finish({ version: 1, base: basename(resolve(named)), files: written });
      });
      return { file, bytes: (await stat(file)).size, ...countsOf(written) };
    } finally {
      for (const { handle } of opened.values()) await handle.close();
    }
  } finally {
    await base.close();
  }
}

/** The files of a folder and of those in it, by their paths within it. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (!(await stat(path)).isFile()) throw new InputError(`${path} is no file, so that no delta can hold it`);
    paths.push(relative(folder, path).split(sep).join("/"));
  }
  return paths.sort();
}

async function addFile(
  writer: DeltaWriter,
  { path, model, base }: { readonly path: string; readonly model: string; readonly base: string },
): Promise<FileEntry> {
  const bytes = await readFile(join(model, path));
  const told = { path, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  const ofBase = await readFile(join(base, path)).catch(() => undefined);
  if (ofBase?.equals(bytes)) return { kind: "same", ...told };
  return { kind: "whole", ...told, parts: [await writer.add(path, bytes)] };
}

async function addWeights(
  writer: DeltaWriter,
  path: string,
  weights: WeightFile,
  base: BaseWeights,
): Promise<FileEntry> {
  const ordered = [...weights.tensors.values()].sort((a, b) => a.start - b.start || a.end - b.end);
  const size = (await stat(weights.path)).size;
  const headerSize = Math.min(size, ...ordered.map(({ start }) => start));
  const header = await writer.add(path, await readBytes(weights, 0, headerSize));
  const tensors: TensorDelta[] = [];
  for (const tensor of ordered) {
    const found = base.find(tensor);
    const bytes = await readTensorBytes(weights, tensor);
    const bytesPerEntry = Math.max(1, Math.floor(bytes.length / Math.max(1, sizeOf(tensor.shape))));
    const before = found === undefined ? undefined : { name: found.name, bytes: await base.read(found.name) };
    tensors.push(await writeTensorDelta(writer, { name: tensor.name, file: path, bytes, base: before, bytesPerEntry }));
  }
  return {
    kind: "weights",
    path,
    size,
    sha256: await sha256OfFile(weights.path),
    headerSize,
    parts: [header],
    tensors,
  };
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

function countsOf(files: readonly FileEntry[]): Pick<DeltaReport, "folderBytes" | "entries" | "changed"> {
  let [folderBytes, entries, changed] = [0, 0, 0];
  for (const file of files) {
    folderBytes += file.size;
    if (file.kind !== "weights") continue;
    for (const tensor of file.tensors) {
      if (tensor.kind === "whole") continue;
      const count = tensor.kind === "same" ? 0 : tensor.length / tensor.width;
      entries += count;
      changed += tensor.kind === "sparse" ? tensor.count : count;
    }
  }
  return { folderBytes, entries, changed };
}
