import { stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { StepFolders } from "../files/step-folders.js";
import { describeSystemError, systemErrorCode } from "../files/system-error.js";
import { type TensorReader, tensorReader } from "./tensor-reader.js";
import { type CheckpointEntry, closeWeightFiles, openWeightFiles } from "./weight-files.js";

/** An open checkpoint folder in the Hugging Face layout. */
export interface Checkpoint extends TensorReader {
  readonly folder: string;
  /** All folders that it is read from: an adapter's own first, then its base's. */
  readonly folders: readonly string[];
  /** The folder that has the tokenizer's files: an adapter's own, or else its base's. */
  readonly tokenizerFolder: string;
  /** The content of config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Every tensor by name, with the file it is in. */
  readonly entries: ReadonlyMap<string, CheckpointEntry>;
  /** Closes the files; reading is over. */
  close(): Promise<void>;
}

/**
 * Opens a checkpoint folder: config.json with model.safetensors, or with shards and model.safetensors.index.json. Only
 * headers are read. Throws InputError for a folder that is missing, incomplete, damaged, or has pickled weights only.
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  await requireFolder(folder);
  const configPath = join(folder, "config.json");
  const config = await readJsonObject(configPath);
  if (!config) {
    const folders = new StepFolders(folder);
    const last = (await folders.steps()).at(-1);
    if (last !== undefined) {
      throw new InputError(
        `${folder} has no model yet: the run that writes it is not done, \`resume\` goes on with it. Its last checkpoint is ${folders.path(last)}.`,
      );
    }
    throw new InputError(`${folder} has no config.json, so it is not a model folder in the Hugging Face layout.`);
  }
  const architectures = config.architectures;
  const architecture: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const weights = await openWeightFiles(folder, typeof architecture === "string" ? architecture : undefined);
  return {
    folder,
    folders: [folder],
    tokenizerFolder: folder,
    config,
    entries: weights.entries,
    ...tensorReader(folder, weights),
    close: () => closeWeightFiles(weights.files),
  };
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
