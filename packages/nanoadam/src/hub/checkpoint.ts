import { stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { widenBfloat16, widenFloat16 } from "./floats.js";
import { readJsonObject } from "./read-json.js";
import { elementCount } from "./safetensors.js";
import { describeSystemError, systemErrorCode } from "./system-error.js";
import {
  type CheckpointEntry,
  closeWeightFiles,
  openWeightFiles,
  type WeightFile,
  type WeightFiles,
} from "./weight-files.js";

/** An open checkpoint folder in the Hugging Face layout. */
export interface Checkpoint {
  readonly folder: string;
  /** config.json as it is. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Every tensor by name, with the file it is in. */
  readonly entries: ReadonlyMap<string, CheckpointEntry>;
  /**
   * Reads a tensor's elements in row-major order, widened to float32, into `target` or a new array. Throws InputError
   * for an unknown name, a dtype that is no float, a target of another length, and NaN or infinite elements.
   */
  readFloat32(name: string, target?: Float32Array): Promise<Float32Array>;
  /** Closes the files; reading is over. */
  close(): Promise<void>;
}

const pieceLength = 1 << 20;

/**
 * Opens a checkpoint folder: config.json with model.safetensors, or with shards and model.safetensors.index.json. Only
 * headers are read. Throws InputError for a folder that is missing, incomplete, damaged, or has pickled weights only.
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  await requireFolder(folder);
  const configPath = join(folder, "config.json");
  const config = await readJsonObject(configPath);
  if (!config) {
    throw new InputError(`${folder} has no config.json, so it is not a model folder in the Hugging Face layout.`);
  }
  const architectures = config.architectures;
  const architecture: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const weights = await openWeightFiles(folder, typeof architecture === "string" ? architecture : undefined);
  return { folder, config, entries: weights.entries, ...tensorReader(folder, weights) };
}

/** Reads the tensors of open weight files as {@link Checkpoint} does; errors about a missing one name `where`. */
export function tensorReader(
  where: string,
  { files, entries }: WeightFiles,
): Pick<Checkpoint, "readFloat32" | "close"> {
  const fileAt = new Map(files.map((file) => [file.path, file]));

  async function readFloat32(name: string, target?: Float32Array): Promise<Float32Array> {
    const entry = entries.get(name);
    const file = entry && fileAt.get(entry.file);
    if (!entry || !file) throw new InputError(`${where} has no tensor "${name}".`);
    const count = elementCount(entry.shape);
    const values = target ?? new Float32Array(count);
    if (values.length !== count) {
      throw new InputError(
        `${entry.file}: tensor "${name}" has shape [${entry.shape.join(", ")}], that is ${count} elements, but ${values.length} were expected.`,
      );
    }
    const read = readers[entry.dtype];
    if (!read) {
      throw new InputError(
        `${entry.file}: tensor "${name}" has dtype ${entry.dtype}, expected F32, F16, BF16 or F64 as for weights.`,
      );
    }
    for (let start = 0; start < count; start += pieceLength) {
      const piece = values.subarray(start, start + pieceLength);
      await read(file, entry, start, piece);
      refuseNonFinite(piece, start, entry);
    }
    return values;
  }

  return { readFloat32, close: () => closeWeightFiles(files) };
}

async function requireFolder(folder: string): Promise<void> {
  try {
    if ((await stat(folder)).isDirectory()) return;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") throw new InputError(`The model folder ${folder} does not exist.`);
    throw new InputError(`The model folder ${folder} could not be read: ${describeSystemError(error)}.`);
  }
  throw new InputError(`${folder} is a file, expected a model folder with config.json and model.safetensors.`);
}

type PieceReader = (file: WeightFile, entry: CheckpointEntry, start: number, piece: Float32Array) => Promise<void>;

/** How to read `piece.length` elements from element `start` on, for each float dtype. */
const readers: Readonly<Record<string, PieceReader>> = {
  F32: (file, entry, start, piece) => fill(file, entry, start * 4, bytesOf(piece)),
  async BF16(file, entry, start, piece) {
    const halves = new Uint16Array(piece.length);
    await fill(file, entry, start * 2, bytesOf(halves));
    widenBfloat16(halves, piece);
  },
  async F16(file, entry, start, piece) {
    const halves = new Uint16Array(piece.length);
    await fill(file, entry, start * 2, bytesOf(halves));
    widenFloat16(halves, piece);
  },
  async F64(file, entry, start, piece) {
    const doubles = new Float64Array(piece.length);
    await fill(file, entry, start * 8, bytesOf(doubles));
    piece.set(doubles);
  },
};

function bytesOf(values: Float32Array | Float64Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Fills `bytes` from the tensor's data, `offset` bytes after its start. */
async function fill(file: WeightFile, entry: CheckpointEntry, offset: number, bytes: Uint8Array): Promise<void> {
  for (let filled = 0; filled < bytes.length; ) {
    const position = entry.start + offset + filled;
    const { bytesRead } = await file.handle.read(bytes, filled, bytes.length - filled, position);
    if (bytesRead === 0) {
      throw new InputError(`${file.path} ends at byte ${position}, inside tensor "${entry.name}"; it is cut off.`);
    }
    filled += bytesRead;
  }
}

function refuseNonFinite(piece: Float32Array, start: number, entry: CheckpointEntry): void {
  for (let i = 0; i < piece.length; i++) {
    if (Number.isFinite(piece[i])) continue;
    throw new InputError(
      `${entry.file}: tensor "${entry.name}" is ${piece[i]} at flat index ${start + i}, expected finite float32 numbers.`,
    );
  }
}
