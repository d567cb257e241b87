import { open, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { InputError, shown } from "../errors.js";
import { inspectFile } from "../files/read-file.js";
import { readJsonObject } from "../files/read-json.js";
import { describeSystemError, systemErrorCode } from "../files/system-error.js";
import { parseSafetensorsHeader, safetensorsHeaderBytes, type TensorEntry } from "./safetensors.js";

/** The part of a `FileHandle` that is used: a program's types know that only where Node's are installed. */
interface OpenFile {
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

/** One open safetensors file. */
export interface WeightFile {
  readonly path: string;
  readonly handle: OpenFile;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** A tensor and the path of the file that holds it. */
export interface CheckpointEntry extends TensorEntry {
  readonly file: string;
  /** Whether an adapter's product is added to what the file holds; the sum is rarely a number of the file's dtype. */
  readonly isAdapted?: boolean;
}

export interface WeightFiles {
  readonly files: readonly WeightFile[];
  readonly entries: ReadonlyMap<string, CheckpointEntry>;
}

const singleFile = "model.safetensors";
const indexFile = "model.safetensors.index.json";
const pickle = /^(pytorch_model.*\.bin|.*\.(pt|pth|ckpt))$/;

/**
 * Opens the weights of a checkpoint folder: `model.safetensors`, else the shards that `model.safetensors.index.json`
 * names. The files stay open; the caller closes them. `architecture` is used in the hint for pickled weights.
 */
export async function openWeightFiles(folder: string, architecture: string | undefined): Promise<WeightFiles> {
  const names = await listFolder(folder);
  if (names.includes(singleFile)) {
    const file = await openWeightFile(join(folder, singleFile));
    const entries = [...file.tensors.values()].map((entry) => ({ ...entry, file: file.path }));
    return { files: [file], entries: new Map(entries.map((entry) => [entry.name, entry])) };
  }
  if (names.includes(indexFile)) return openShards(folder);
  throw missingWeights(folder, names, architecture);
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") throw new InputError(`The model folder ${folder} does not exist.`);
    if (code === "ENOTDIR") throw new InputError(`${folder} is a file, expected a model folder with config.json.`);
    throw new InputError(`The model folder ${folder} could not be read: ${describeSystemError(error)}.`);
  }
}

async function openShards(folder: string): Promise<WeightFiles> {
  const indexPath = join(folder, indexFile);
  const weightMap = (await readJsonObject(indexPath))?.weight_map;
  if (typeof weightMap !== "object" || weightMap === null || Array.isArray(weightMap)) {
    throw new InputError(`${indexPath} has no object "weight_map" that names the file of each tensor.`);
  }
  const files = new Map<string, WeightFile>();
  const entries = new Map<string, CheckpointEntry>();
  try {
    for (const [tensor, shard] of Object.entries(weightMap)) {
      if (typeof shard !== "string" || shard !== basename(shard) || !shard.endsWith(".safetensors")) {
        throw new InputError(
          `${indexPath}: the file of tensor "${tensor}" is ${shown(shard)}, expected the name of a .safetensors file in the same folder.`,
        );
      }
      const file = files.get(shard) ?? (await openWeightFile(join(folder, shard)));
      files.set(shard, file);
      const entry = file.tensors.get(tensor);
      if (!entry)
        throw new InputError(`${file.path} does not hold tensor "${tensor}", which ${indexFile} places there.`);
      entries.set(tensor, { ...entry, file: file.path });
    }
  } catch (error) {
    await closeWeightFiles(files.values());
    throw error;
  }
  return { files: [...files.values()], entries };
}

export async function openWeightFile(path: string): Promise<WeightFile> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    await inspectFile(path);
    handle = await open(path, "r");
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path} could not be opened: ${describeSystemError(error)}.`);
  }
  try {
    const { size } = await handle.stat();
    const headerBytes = safetensorsHeaderBytes(await readStart(handle, Math.min(8, size)), size, path);
    return { path, handle, tensors: parseSafetensorsHeader(await readStart(handle, headerBytes), size, path).tensors };
  } catch (error) {
    await handle.close();
    if (systemErrorCode(error)) throw new InputError(`${path} could not be read: ${describeSystemError(error)}.`);
    throw error;
  }
}

/** Closes every file; harmless when repeated. */
export async function closeWeightFiles(files: Iterable<WeightFile>): Promise<void> {
  for (const file of files) await file.handle.close();
}

async function readStart(handle: OpenFile, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function missingWeights(folder: string, names: readonly string[], architecture: string | undefined): InputError {
  const pickled = names.find((name) => pickle.test(name));
  if (pickled === undefined) {
    const found = names.length === 0 ? "it is empty" : `it holds ${names.slice(0, 12).join(", ")}`;
    return new InputError(`${folder} has no ${singleFile} and no ${indexFile}; ${found}.`);
  }
  const loader = architecture && /^\w+$/.test(architecture) ? architecture : "AutoModel";
  const convert = `from transformers import ${loader}; ${loader}.from_pretrained('${folder}').save_pretrained('${folder}', safe_serialization=True)`;
  return new InputError(
    `${join(folder, pickled)} is a pickle, which can run any program when it is read, and no ${singleFile} is beside it; convert it once with: python -c "${convert}"`,
  );
}
