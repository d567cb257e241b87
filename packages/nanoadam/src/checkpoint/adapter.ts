/**
 * LoRA adapter folders as PEFT writes and reads them: `adapter_config.json` and `adapter_model.safetensors`, whose tensors are
 * named `base_model.model.<parameter>`. Opened here, an adapter folder is a checkpoint like any other: reading a weight
 * gives that of the base model with `(alpha / rank) B A` added, and what the adapter has whole (the head, say) in place of
 * the base's.
 */

import { stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { adapterNames } from "../models/lora.js";
import { type Checkpoint, openCheckpoint } from "./checkpoint.js";
import { addProduct } from "./low-rank-product.js";
import {
  readInPieces,
  requireEntry,
  requireRange,
  roundingReader,
  type TensorReader,
  tensorReader,
  wholeTensorReader,
} from "./tensor-reader.js";
import { type CheckpointEntry, closeWeightFiles, openWeightFile, type WeightFile } from "./weight-files.js";

export const adapterConfigFile = "adapter_config.json";
export const adapterWeightsFile = "adapter_model.safetensors";
const prefix = "base_model.model.";

/** PEFT's name for a parameter of the model, adapters' matrices included. */
export function peftName(parameter: string): string {
  return prefix + parameter;
}

export interface AdapterSettings {
  readonly baseModel: string;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly targets: readonly string[];
  /** Modules that are trained and stored whole beside the adapter. */
  readonly modulesToSave: readonly string[];
  readonly taskType: "SEQ_CLS" | "TOKEN_CLS" | undefined;
}

/** The content of `adapter_config.json`, with PEFT's names and its values for what LoRA's variants would change. */
export function adapterConfig(settings: AdapterSettings): Record<string, unknown> {
  const { baseModel, rank, alpha, dropout, targets, modulesToSave, taskType } = settings;
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    lora_dropout: dropout,
    modules_to_save: modulesToSave.length === 0 ? null : modulesToSave,
    peft_type: "LORA",
    r: rank,
    rank_pattern: {},
    revision: null,
    target_modules: targets.includes("all-linear") ? "all-linear" : targets,
    task_type: taskType ?? null,
    use_dora: false,
    use_rslora: false,
  };
}

/**
 * Opens a checkpoint folder or an adapter folder.
 *
 * @param base where an adapter's base model is, instead of where its configuration says
 * @throws InputError for a folder that is neither, is damaged, or is an adapter of another kind than LoRA.
 */
export async function openModelFolder(folder: string, base?: string): Promise<Checkpoint> {
  const path = join(folder, adapterConfigFile);
  const config = await readJsonObject(path).catch((error: unknown) => {
    if (error instanceof InputError && /could not be read/.test(error.message)) return undefined;
    throw error;
  });
  if (config === undefined) return openCheckpoint(folder);
  const { scaleOf, baseModel } = readAdapterConfig(path, config);
  return openAdapter(folder, await baseFolder(folder, base ?? baseModel, path), scaleOf);
}

/** The scale of each layer's product and the base model, from an adapter's configuration. */
function readAdapterConfig(path: string, config: Readonly<Record<string, unknown>>) {
  const refuse = (field: string, expected: string): never => {
    throw new InputError(`${path}: ${field} is ${JSON.stringify(config[field]) ?? "missing"}, expected ${expected}`);
  };
  const { peft_type: type, r: rank, lora_alpha: alpha, base_model_name_or_path: baseModel } = config;
  if (type !== "LORA") return refuse("peft_type", '"LORA"');
  if (typeof rank !== "number" || !(rank >= 1)) return refuse("r", "a rank of at least 1");
  if (typeof alpha !== "number") return refuse("lora_alpha", "a number");
  if (typeof baseModel !== "string") return refuse("base_model_name_or_path", "a folder");
  for (const field of ["use_dora", "fan_in_fan_out"]) if (config[field] === true) return refuse(field, "false");
  for (const field of ["alpha_pattern", "rank_pattern"]) {
    const pattern = config[field];
    if (typeof pattern === "object" && pattern !== null && Object.keys(pattern).length > 0) refuse(field, "no entries");
  }
  return { baseModel, scaleOf: alpha / (config.use_rslora === true ? Math.sqrt(rank) : rank) };
}

/** The base model's folder: as named, or beside the adapter where it is named relative to that. */
async function baseFolder(folder: string, named: string, path: string): Promise<string> {
  const places = isAbsolute(named) ? [named] : [resolve(named), resolve(folder, named)];
  for (const place of places) {
    const found = await stat(place).catch(() => undefined);
    if (found?.isDirectory() === true) return place;
  }
  throw new InputError(
    `${path}: the base model "${named}" (base_model_name_or_path) is no folder here; looked at ${places.join(" and ")}`,
  );
}

async function openAdapter(folder: string, base: string, scale: number): Promise<Checkpoint> {
  const whole = await openCheckpoint(base);
  let file: WeightFile | undefined;
  const close = async (): Promise<void> => {
    if (file !== undefined) await closeWeightFiles([file]);
    await whole.close();
  };
  try {
    file = await openWeightFile(join(folder, adapterWeightsFile));
    const stored = new Map<string, CheckpointEntry>();
    for (const entry of file.tensors.values()) stored.set(entry.name, { ...entry, file: file.path });
    const entries = new Map(whole.entries);
    for (const [name, entry] of stored) {
      if (!name.startsWith(prefix)) {
        throw new InputError(`${file.path}: tensor "${name}" is none of PEFT's, which begin with "${prefix}"`);
      }
      if (!/\.lora_[AB]\.weight$/.test(name))
        entries.set(name.slice(prefix.length), { ...entry, name: name.slice(prefix.length) });
    }
    for (const weight of adaptedWeights(stored, entries, file.path)) {
      entries.set(weight.name, { ...weight, isAdapted: true });
    }
    const own = tensorReader(folder, { files: [file], entries: stored });
    const read = adaptedReader(whole, own, stored, scale);
    return {
      folder,
      config: (await readJsonObject(join(folder, "config.json"))) ?? whole.config,
      entries,
      read,
      readFloat32: wholeTensorReader(folder, entries, read),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Reads what the adapter has whole, and else the base's tensors, with the product of A and B added where it has them. */
function adaptedReader(
  base: Checkpoint,
  own: TensorReader,
  stored: ReadonlyMap<string, CheckpointEntry>,
  scale: number,
): TensorReader["read"] {
  return async (name, target, start = 0) => {
    if (stored.has(peftName(name))) return own.read(peftName(name), target, start);
    const { a, b } = adapterNames(peftName(name).replace(/\.weight$/, ""));
    const [rank] = stored.get(a)?.shape ?? [];
    if (rank === undefined) return base.read(name, target, start);
    const entry = requireEntry(base.folder, base.entries, name);
    requireRange(entry, start, target.length);
    const product = { up: await own.readFloat32(b), down: await own.readFloat32(a), rank, scale };
    const readSum = async (from: number, piece: Float32Array): Promise<void> => {
      await base.read(name, piece, from);
      addProduct(piece, from, product);
    };
    if (target instanceof Float32Array) await readInPieces(entry, target, start, readSum);
    else await readInPieces(entry, target, start, roundingReader(readSum, target.length));
  };
}

/**
 * The base model's weights that an adapter is added to.
 *
 * @throws InputError for an A without B, or matrices that do not fit a layer of the base model.
 */
function adaptedWeights(
  stored: ReadonlyMap<string, CheckpointEntry>,
  entries: ReadonlyMap<string, CheckpointEntry>,
  path: string,
): readonly CheckpointEntry[] {
  const adapted = new Set<CheckpointEntry>();
  for (const [name, entry] of stored) {
    const layer = /^base_model\.model\.(.*)\.lora_[AB]\.weight$/.exec(name)?.[1];
    if (layer === undefined) continue;
    const weight = entries.get(`${layer}.weight`);
    if (weight === undefined) throw new InputError(`${path}: "${name}" adapts ${layer}, which the base model lacks`);
    const names = adapterNames(peftName(layer));
    const [a, b] = [stored.get(names.a), stored.get(names.b)];
    const other = name === names.a ? names.b : names.a;
    if (a === undefined || b === undefined) throw new InputError(`${path}: "${name}" is there, but not "${other}"`);
    const [outputs, inputs] = weight.shape;
    const [rank] = a.shape;
    const fits = a.shape[1] === inputs && b.shape[0] === outputs && b.shape[1] === rank;
    if (!fits || sizeOf(a.shape) === 0) {
      throw new InputError(
        `${path}: "${name}" has shape [${entry.shape.join(", ")}], which does not fit ${layer}.weight [${weight.shape.join(", ")}]`,
      );
    }
    adapted.add(weight);
  }
  return [...adapted];
}
