/** The base's tensors, as bytes. */
import { createHash } from "node:crypto";
import {
  type CheckpointEntry,
  closeWeightFiles,
  openWeightFiles,
  type WeightFile,
} from "../checkpoint/weight-files.js";
import { InputError } from "../errors.js";

type Placed = Pick<CheckpointEntry, "start" | "end">;

/** The bytes of a tensor of an open file, in memory of their own. */
export async function readTensorBytes({ handle, path }: WeightFile, { start, end }: Placed): Promise<Uint8Array> {
  return readBytes({ handle, path }, start, end - start);
}

/** @throws InputError where the file ends before */
export async function readBytes(
  { handle, path }: Pick<WeightFile, "handle" | "path">,
  start: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < bytes.length; ) {
    const piece = Math.min(bytes.length - filled, 1 << 30);
    const { bytesRead } = await handle.read(bytes, filled, piece, start + filled);
    if (bytesRead === 0) throw new InputError(`${path} ends within a tensor; is it still being written?`);
    filled += bytesRead;
  }
  return bytes;
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export interface BaseWeights {
  readonly folder: string;
  /** The base's tensor that one of a fine-tuned model was made from: of its type, and its name but for a prefix. */
  find(tensor: Pick<CheckpointEntry, "name" | "dtype" | "shape">): CheckpointEntry | undefined;
  /** @throws InputError where there is none */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

export async function openBaseWeights(folder: string): Promise<BaseWeights> {
  const { files, entries } = await openWeightFiles(folder, undefined);
  const fileAt = new Map(files.map((file) => [file.path, file]));
  const byEnding = new Map([...entries.values()].map((entry) => [modernName(entry.name), entry]));
  return {
    folder,
    find({ name, dtype, shape }) {
      // A base alone has no prefix where a model with a head has one.
      const parts = name.split(".");
      const found = parts
        .map((_, first) => byEnding.get(parts.slice(first).join(".")))
        .find((entry) => entry !== undefined);
      return found?.dtype === dtype && String(found.shape) === String(shape) ? found : undefined;
    },
    async read(name) {
      const entry = entries.get(name);
      const file = fileAt.get(entry?.file ?? "");
      if (entry === undefined || file === undefined) throw new InputError(`${folder} has no tensor "${name}"`);
      return readTensorBytes(file, entry);
    },
    close: () => closeWeightFiles(files),
  };
}

/** A name as it is written today. */
function modernName(name: string): string {
  return name.replace(/LayerNorm\.gamma$/, "LayerNorm.weight").replace(/LayerNorm\.beta$/, "LayerNorm.bias");
}
