import { stat } from "node:fs/promises";
import { join } from "node:path";
import { adapterConfig, adapterConfigFile } from "../checkpoint/adapter-config.js";
import { adapterWeightsFile, peftName } from "../checkpoint/adapter-tensors.js";
import { asFloat32, narrowToBfloat16, narrowToFloat16, widenBfloat16, widenFloat16 } from "../checkpoint/floats.js";
import type { Pretrained } from "../checkpoint/pretrained.js";
import { tensorReader } from "../checkpoint/tensor-reader.js";
import { closeWeightFiles, openWeightFile } from "../checkpoint/weight-files.js";
import {
  storedBytes,
  type WritableDtype,
  type WritableTensor,
  writableAs,
  writeSafetensors,
} from "../checkpoint/write-safetensors.js";
import type { TextTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import type { OutputFolder } from "../files/output-folder.js";
import { writeFileAtomically } from "../files/write-file.js";
import { hasAdapter } from "../models/lora.js";
import type { HeadSpecification } from "../models/model.js";
import type { BufferSpecification, ParameterSpecification } from "../models/parameters.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import type { OutputOptions } from "../options/output-options.js";
import { trainedParameters } from "../train/optimizer.js";
import { loraSettings, type PreparedRun } from "../train/prepare.js";
import { copyGenerationConfig } from "./generation-config.js";
import { saveModelFiles } from "./save-model-files.js";

const storedAs = { float32: "F32", bfloat16: "BF16", float16: "F16" } as const;

/** How weights may be stored: as an option says, or "held", which is as they are held, so that nothing is lost. */
export type StorageOfSaved = OutputOptions["saveDtype"] | "held";

/** How a parameter is written: as asked, else as it is held or came; what was freshly initialised as float32. */
function storageOf(name: string, saveDtype: StorageOfSaved, { sources, weights }: Pretrained): WritableDtype {
  if (saveDtype !== "keep" && saveDtype !== "held") return storedAs[saveDtype];
  if (weights.get(name) instanceof Uint16Array) return "BF16";
  if (saveDtype === "held") return "F32";
  return writableAs(sources.get(name)?.dtype);
}

/** The parameters that are written: all; or of a model with an adapter those that were trained. */
function storedParameters(pretrained: Pretrained): readonly ParameterSpecification[] {
  return hasAdapter(pretrained.model) ? trainedParameters(pretrained) : pretrained.model.parameters;
}

const roundedAtOnce = 1 << 20;

/** The largest number of float16, and the smallest that is rounded to infinity. */
const [largestFloat16, float16Overflow] = [65_504, 65_520];

/** @throws InputError for a weight that is to be stored in float16 and is beyond its range. */
export function requireStorable(saveDtype: OutputOptions["saveDtype"], pretrained: Pretrained): void {
  for (const { name } of storedParameters(pretrained)) {
    if (storageOf(name, saveDtype, pretrained) !== "F16") continue;
    const values = pretrained.weights.get(name) ?? new Float32Array();
    const buffer = new Float32Array(Math.min(roundedAtOnce, values.length));
    for (let start = 0; start < values.length; start += roundedAtOnce) {
      const beyond = asFloat32(values.subarray(start, start + roundedAtOnce), buffer).find(
        (value) => Math.abs(value) >= float16Overflow,
      );
      if (beyond === undefined) continue;
      throw new InputError(
        `${name} holds ${beyond}, but float16 ends at ${largestFloat16}; nothing was written. Give \`saveDtype\` bfloat16 or float32`,
      );
    }
  }
}

/**
 * Rounds the weights to what will be stored, so that what is evaluated is what is saved.
 * @throws InputError as `requireStorable`
 */
export function roundToStorage(saveDtype: OutputOptions["saveDtype"], pretrained: Pretrained): void {
  requireStorable(saveDtype, pretrained);
  for (const { name } of storedParameters(pretrained)) {
    const values = pretrained.weights.get(name) ?? new Float32Array();
    const dtype = storageOf(name, saveDtype, pretrained);
    // What is held in bfloat16 is exact in any other type.
    if (dtype === "F32" || values instanceof Uint16Array) continue;
    const [narrow, widen] = dtype === "BF16" ? [narrowToBfloat16, widenBfloat16] : [narrowToFloat16, widenFloat16];
    const halves = new Uint16Array(Math.min(roundedAtOnce, values.length));
    for (let start = 0; start < values.length; start += roundedAtOnce) {
      const piece = values.subarray(start, start + roundedAtOnce);
      const stored = halves.subarray(0, piece.length);
      narrow(piece, stored);
      widen(stored, piece);
    }
  }
}

/** The file that `saveModel` writes the weights to. */
export function weightsFileOf({ model }: Pretrained): string {
  return hasAdapter(model) ? adapterWeightsFile : "model.safetensors";
}

/** What a parameter is called in that file. */
function storedName(name: string, { model }: Pretrained): string {
  return hasAdapter(model) ? peftName(name) : name;
}

/**
 * The buffers that are written. An adapter's folder has what was trained, and its base keeps the statistics, as with PEFT; what a
 * run goes on from has them.
 */
function storedBuffers(saveDtype: StorageOfSaved, { model }: Pretrained): readonly BufferSpecification[] {
  return hasAdapter(model) && saveDtype !== "held" ? [] : model.buffers;
}

/** What `saveModel` writes of weights. */
function storedTensors(saveDtype: StorageOfSaved, pretrained: Pretrained): WritableTensor[] {
  const valuesOf = (name: string) => () => pretrained.weights.get(name) ?? new Float32Array();
  const parameters = storedParameters(pretrained).map(({ name, shape }) => ({
    name: storedName(name, pretrained),
    shape,
    dtype: storageOf(name, saveDtype, pretrained),
    values: valuesOf(name),
  }));
  const buffers = storedBuffers(saveDtype, pretrained);
  return [
    ...parameters,
    ...buffers.map(({ name, shape, isCount }): WritableTensor => {
      return { name, shape, dtype: isCount === true ? "I64" : "F32", values: valuesOf(name) };
    }),
  ];
}

/**
 * About how many bytes `saveModel` will write.
 * @throws InputError for a file beside the weights that cannot be copied.
 */
export async function sizeOfSaved(saveDtype: StorageOfSaved, run: PreparedRun): Promise<number> {
  let size = storedBytes(storedTensors(saveDtype, run.pretrained));
  for (const file of run.files.paths) {
    const found = await stat(file);
    if (!found.isFile()) throw new InputError(`${file} is a folder, expected a file; nothing was trained`);
    size += found.size;
  }
  return size;
}

/** Where files go. */
export type Folder = Pick<OutputFolder, "path">;

/**
 * Writes a checkpoint folder that any Hugging Face tool loads, or PEFT's adapter folder (with the base's configuration, which
 * has the labels' names).
 */
export async function saveModel(
  folder: Folder,
  options: Pick<FinetuneOptions, "model" | "adapter">,
  run: PreparedRun,
  storage: StorageOfSaved,
): Promise<void> {
  const { pretrained, files } = run;
  await writeSafetensors(folder.path(weightsFileOf(pretrained)), storedTensors(storage, pretrained));
  await writeJson(folder.path("config.json"), configOf(storage, run));
  const adapter = adapterConfigOf(options, run);
  if (adapter !== undefined) await writeJson(folder.path(adapterConfigFile), adapter);
  await saveModelFiles(folder, files);
  if (writesText(pretrained.model)) await copyGenerationConfig(run.checkpoint.folders, folder);
}

function writesText({ head }: Pretrained["model"]): boolean {
  return head.kind === "language-model" && head.predicts === "next";
}

/** Writes a value as JSON that people read: whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Reads the weights that `saveModel` wrote as "held" into those of the same run, to the bit. */
export async function readHeldWeights(folder: string, pretrained: Pretrained): Promise<void> {
  const file = await openWeightFile(join(folder, weightsFileOf(pretrained)));
  try {
    const entries = [...file.tensors.values()].map((entry) => [entry.name, { ...entry, file: file.path }] as const);
    const { read } = tensorReader(folder, { files: [file], entries: new Map(entries) });
    for (const { name } of storedParameters(pretrained)) {
      const values = pretrained.weights.get(name);
      if (values !== undefined) await read(storedName(name, pretrained), values);
    }
    for (const { name } of storedBuffers("held", pretrained)) {
      const values = pretrained.weights.get(name);
      if (values !== undefined) await read(name, values);
    }
  } finally {
    await closeWeightFiles([file]);
  }
}

function adapterConfigOf(
  { model, adapter }: Pick<FinetuneOptions, "model" | "adapter">,
  { pretrained }: PreparedRun,
): Record<string, unknown> | undefined {
  const lora = loraSettings(pretrained.model, adapter);
  if (lora === undefined) return undefined;
  const whole = trainedParameters(pretrained).filter(({ role }) => role !== "adapter");
  return adapterConfig({
    ...lora,
    baseModel: model.model,
    modulesToSave: [...new Set(whole.map(({ name, role }) => moduleOf(name, role)))],
    taskType: taskTypeOf(pretrained.model.head),
  });
}

/** The module that PEFT stores whole for a parameter: of a head the outermost, else the layer itself. */
function moduleOf(name: string, role: ParameterSpecification["role"]): string {
  return role === "head" ? (name.split(".")[0] ?? name) : name.replace(/\.(weight|bias)$/, "");
}

/** PEFT's word for what a head is for. */
function taskTypeOf(head: HeadSpecification): "SEQ_CLS" | "TOKEN_CLS" | "CAUSAL_LM" | undefined {
  if (head.kind === "language-model") return head.predicts === "next" ? "CAUSAL_LM" : undefined;
  return head.per === "example" ? "SEQ_CLS" : "TOKEN_CLS";
}

function configOf(
  saveDtype: StorageOfSaved,
  { checkpoint, pretrained, task, files }: PreparedRun,
): Record<string, unknown> {
  const { head, architecture, backbone } = pretrained.model;
  // transformers finds a text's last token by what padding is, and refuses several texts where nothing is.
  const needsPadding =
    head.kind === "outputs" && backbone.predicts === "next" && checkpoint.config.pad_token_id == null;
  return {
    ...checkpoint.config,
    ...(needsPadding && files.kind === "text" && !isAround(files.text.tokenizer, files.text.tokenizer.padId)
      ? { pad_token_id: files.text.tokenizer.padId }
      : {}),
    architectures: [architecture],
    ...task.config(),
    ...("num_labels" in checkpoint.config && head.kind === "outputs" ? { num_labels: head.outputs } : {}),
    // transformers 4 calls it torch_dtype, transformers 5 dtype.
    ...(saveDtype === "keep" || saveDtype === "held"
      ? {}
      : { ["dtype" in checkpoint.config ? "dtype" : "torch_dtype"]: saveDtype }),
  };
}

/** Whether a token is one of those that the tokenizer puts around texts, and so no padding. */
function isAround(tokenizer: TextTokenizer, id: number): boolean {
  return tokenizer.encode("", undefined, Number.MAX_SAFE_INTEGER).ids.includes(id);
}
