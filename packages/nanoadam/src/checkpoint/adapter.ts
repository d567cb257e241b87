/**
 * LoRA adapter folders as PEFT writes and reads them: `adapter_config.json` and `adapter_model.safetensors`, whose tensors are
 * named `base_model.model.<parameter>`. Opened here, an adapter folder is a checkpoint like any other: reading a weight
 * gives that of the base model with `scale * B A` added, and what the adapter has whole (the head, say) in place of the
 * base's.
 */

import { readdir, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { isWholeFolder } from "../files/recover.js";
import type { Tell } from "../hub/snapshot.js";
import type { RawConfig } from "../models/config.js";
import { type AdapterDescription, adapterConfigFile, describeAdapter } from "./adapter-config.js";
import { configOfAdapter, modelOfAdapter, startsOfUntied, untiedModel } from "./adapter-model.js";
import { type Adaptation, adaptationsOf, adapterWeightsFile } from "./adapter-tensors.js";
import { type Checkpoint, openCheckpoint } from "./checkpoint.js";
import { locateModel } from "./locate-model.js";
import { addProduct, type LowRankProduct, rowFactorsOf } from "./low-rank-product.js";
import { parameterFinder } from "./parameter-names.js";
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

const pickledWeightsFile = "adapter_model.bin";

/**
 * Opens a checkpoint folder or an adapter folder, by the name `demo` the encoder that comes with the package, or by `org/name` a model of
 * the Hugging Face Hub.
 *
 * @param base where an adapter's base model is, instead of where its configuration says
 * @param tell told what is fetched
 * @throws InputError for a folder that is neither, is damaged, or is an adapter of another kind than LoRA.
 */
export async function openModelFolder(folder: string, base?: string, tell?: Tell): Promise<Checkpoint> {
  return openFolder(await locateModel(folder, tell), base, { above: [], tell });
}

interface Opening {
  /** The adapters, as full paths, whose base the folder is: an adapter may stand on another. */
  readonly above: readonly string[];
  readonly tell: Tell | undefined;
}

async function openFolder(folder: string, base: string | undefined, { above, tell }: Opening): Promise<Checkpoint> {
  const path = join(folder, adapterConfigFile);
  const config = await readJsonObject(path).catch((error: unknown) => {
    if (error instanceof InputError && /could not be read/.test(error.message)) return undefined;
    throw error;
  });
  if (config === undefined) return openCheckpoint(folder);
  const description = describeAdapter(path, config);
  const baseModel = await baseFolder(folder, base ?? description.baseModel, path, tell);
  const opened = [...above, resolve(folder)];
  if (opened.includes(resolve(baseModel))) {
    throw new InputError(`${path}: the base model "${baseModel}" (base_model_name_or_path) is an adapter of this one`);
  }
  return openAdapter(folder, await openFolder(baseModel, undefined, { above: opened, tell }), description);
}

/** The base model's folder: as named, or beside the adapter where it is named relative to that, else what the name says. */
async function baseFolder(folder: string, named: string, path: string, tell: Tell | undefined): Promise<string> {
  const places = isAbsolute(named) ? [named] : [resolve(named), resolve(folder, named)];
  for (const place of places) if (await isWholeFolder(place, tell)) return place;
  const located = await locateModel(named, tell);
  if (await isWholeFolder(located, tell)) return located;
  throw new InputError(
    `${path}: the base model "${named}" (base_model_name_or_path) is no folder here; looked at ${places.join(" and ")}`,
  );
}

/** @param whole the open base, which is closed with the adapter */
async function openAdapter(folder: string, whole: Checkpoint, description: AdapterDescription): Promise<Checkpoint> {
  let file: WeightFile | undefined;
  const close = async (): Promise<void> => {
    if (file !== undefined) await closeWeightFiles([file]);
    await whole.close();
  };
  try {
    file = await openAdapterFile(folder);
    const stored = new Map<string, CheckpointEntry>();
    for (const entry of file.tensors.values()) stored.set(entry.name, { ...entry, file: file.path });
    const own = await readJsonObject(join(folder, "config.json"));
    const { config, recipes } = planAdapter(own, whole, stored, { description, path: file.path });
    const entries = adaptedEntries(whole.entries, recipes);
    const read = adaptedReader(whole, tensorReader(folder, { files: [file], entries: stored }), entries, recipes);
    return {
      folder,
      folders: [folder, ...whole.folders],
      tokenizerFolder: (await hasTokenizer(folder)) ? folder : whole.tokenizerFolder,
      config,
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

async function hasTokenizer(folder: string): Promise<boolean> {
  return (await stat(join(folder, "tokenizer.json")).catch(() => undefined)) !== undefined;
}

async function openAdapterFile(folder: string): Promise<WeightFile> {
  const names = await readdir(folder);
  if (names.includes(adapterWeightsFile) || !names.includes(pickledWeightsFile)) {
    return openWeightFile(join(folder, adapterWeightsFile));
  }
  const convert = `import torch; from safetensors.torch import save_file; save_file(torch.load('${join(folder, pickledWeightsFile)}', map_location='cpu', weights_only=True), '${join(folder, adapterWeightsFile)}')`;
  throw new InputError(
    `${join(folder, pickledWeightsFile)} is a pickle, which can run any program when it is read, and no ${adapterWeightsFile} is beside it; convert it once with: python -c "${convert}"`,
  );
}

/** How a tensor of the adapted model is read. */
interface Recipe {
  readonly adaptation: Omit<Adaptation, "parameter">;
  /** What it is without the adapter's product: a tensor of the adapter's file, or of the base. */
  readonly start: CheckpointEntry;
  /** The base's tensor that it takes the place of. */
  readonly replaced: string | undefined;
  readonly scale: number;
}

/** The configuration of the adapted model, and by their names how those tensors are read that are not the base's. */
function planAdapter(
  own: RawConfig | undefined,
  base: Checkpoint,
  stored: ReadonlyMap<string, CheckpointEntry>,
  { description, path }: { readonly description: AdapterDescription; readonly path: string },
): { readonly config: RawConfig; readonly recipes: ReadonlyMap<string, Recipe> } {
  const tied = modelOfAdapter(own ?? base.config, description.classEnding, { stored, base: base.entries });
  const config = own ?? configOfAdapter(base.config, tied);
  const tiedAdaptations = adaptationsOf(stored, tied, path);
  const untied = untiedModel(config, tied, { parameters: tiedAdaptations, stored });
  const model = untied?.model ?? tied;
  const adaptations = new Map<string, Omit<Adaptation, "parameter">>(
    untied === undefined ? tiedAdaptations : adaptationsOf(stored, model, path),
  );
  const starts = startsOfUntied(tied, model);
  for (const name of starts.keys()) if (!adaptations.has(name)) adaptations.set(name, {});
  const find = parameterFinder(base.entries, model);
  const recipes = new Map<string, Recipe>();
  for (const [name, adaptation] of adaptations) {
    const replaced = find(name);
    const start = stored.get(adaptation.whole ?? "") ?? replaced ?? find(starts.get(name) ?? name);
    if (start === undefined) throw new InputError(`${path} adapts ${name}, which the base model lacks`);
    requireMagnitude(adaptation, description, path);
    const adapted = adaptation.product ?? adaptation.added;
    const scale = adapted === undefined ? 1 : description.scaleOf(adapted.layer, adapted.rank);
    recipes.set(name, { adaptation, start, scale, replaced: replaced?.name });
  }
  return { config: untied?.config ?? config, recipes };
}

/** @throws InputError where a layer has magnitudes without DoRA, or the other way round; DoRA of embeddings is not supported. */
function requireMagnitude(
  { product, magnitude }: Omit<Adaptation, "parameter">,
  { useDora }: AdapterDescription,
  path: string,
): void {
  if (magnitude !== undefined && !useDora) {
    throw new InputError(`${path}: "${magnitude}" is there, but use_dora is not true in ${adapterConfigFile}`);
  }
  if (!useDora || product === undefined) return;
  const where = join(dirname(path), adapterConfigFile);
  if (product.isTransposed)
    throw new InputError(`${where}: use_dora is true and "${product.a}" is of an embedding, which is not supported`);
  if (magnitude === undefined) {
    throw new InputError(`${where}: use_dora is true, but ${product.layer} has no lora_magnitude_vector`);
  }
}

/** The base's tensors with those of the recipes in their places. */
function adaptedEntries(
  base: ReadonlyMap<string, CheckpointEntry>,
  recipes: ReadonlyMap<string, Recipe>,
): ReadonlyMap<string, CheckpointEntry> {
  const replaced = new Set([...recipes.values()].map((recipe) => recipe.replaced));
  const entries = new Map<string, CheckpointEntry>();
  for (const [name, { adaptation, start }] of recipes) {
    const isSum = adaptation.product !== undefined || adaptation.added !== undefined;
    entries.set(name, { ...start, name, ...(isSum ? { isAdapted: true } : {}) });
  }
  for (const [name, entry] of base) if (!replaced.has(name)) entries.set(name, entry);
  return entries;
}

/** Reads what the adapter has whole, and else the base's tensors, with the product of A and B added where it has them. */
function adaptedReader(
  base: Checkpoint,
  own: TensorReader,
  entries: ReadonlyMap<string, CheckpointEntry>,
  recipes: ReadonlyMap<string, Recipe>,
): TensorReader["read"] {
  // Whoever reads a tensor in pieces does not compute them again for each.
  const rowFactors = new Map<string, Float32Array>();
  return async (name, target, from = 0) => {
    const recipe = recipes.get(name);
    if (recipe === undefined) return base.read(name, target, from);
    const { adaptation, start } = recipe;
    const source = adaptation.whole === undefined ? base : own;
    const entry = requireEntry(base.folder, entries, name);
    requireRange(entry, from, target.length);
    const [, width = 1] = entry.shape;
    const readRow = (row: number, values: Float32Array) => source.read(start.name, values, row * width);
    const add = await additionOf(recipe, own, async (product, magnitude) => {
      const known = rowFactors.get(name);
      const found = known ?? (await rowFactorsOf(product, await own.readFloat32(magnitude), readRow));
      rowFactors.set(name, found);
      return found;
    });
    if (add === undefined) return source.read(start.name, target, from);
    const readSum = async (place: number, piece: Float32Array): Promise<void> => {
      await source.read(start.name, piece, place);
      add(piece, place);
    };
    if (target instanceof Float32Array) await readInPieces(entry, target, from, readSum);
    else await readInPieces(entry, target, from, roundingReader(readSum, target.length));
  };
}

/** Adds to a piece of a tensor, from a flat element on, what the adapter adds there; undefined where it adds nothing. */
async function additionOf(
  { adaptation: { product, magnitude, added }, scale }: Recipe,
  own: TensorReader,
  factorsOf: (product: LowRankProduct, magnitude: string) => Promise<Float32Array>,
): Promise<((piece: Float32Array, from: number) => void) | undefined> {
  if (product !== undefined) {
    const { rank, isTransposed } = product;
    const [a, b] = [await own.readFloat32(product.a), await own.readFloat32(product.b)];
    const matrices: LowRankProduct = isTransposed
      ? { up: transposed(a, rank), down: transposed(b, b.length / rank), rank, scale }
      : { up: b, down: a, rank, scale };
    const whole =
      magnitude === undefined ? matrices : { ...matrices, rowFactors: await factorsOf(matrices, magnitude) };
    return (piece, from) => addProduct(piece, from, whole);
  }
  if (added === undefined) return undefined;
  const vector = await own.readFloat32(added.name);
  return (piece, from) => {
    for (let i = 0; i < piece.length; i++) piece[i] = (piece[i] ?? 0) + scale * (vector[from + i] ?? 0);
  };
}

/** A row-major matrix of so many rows with its axes exchanged. */
function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows;
  return matrix.map((_, place) => matrix[(place % rows) * columns + Math.floor(place / rows)] ?? 0);
}
