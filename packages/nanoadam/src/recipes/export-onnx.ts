import { mkdir } from "node:fs/promises";
import { basename } from "node:path";
import { type FilePart, lengthOf, type OnnxFile, type OnnxPrecision, onnxFile } from "@nanoadam/engine";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { storedBytesOf } from "../export/stored-values.js";
import { wholeModel } from "../export/whole-model.js";
import type { OutputFolder } from "../files/output-folder.js";
import { copyFileAtomically, replaceFile, writeFileAtomically } from "../files/write-file.js";
import type { Model } from "../models/model.js";
import type { ExportDtype } from "../options/saved-model-options.js";
import type { ModelFiles } from "../tasks/model-files.js";
import { copyGenerationConfig } from "./generation-config.js";
import { parameterReader, sourcesOf } from "./parameter-reader.js";

/** The name of a model's file in `onnx/` and its precision, as Transformers.js knows them. */
const precisions: Readonly<Record<ExportDtype, { readonly name: string; readonly precision: OnnxPrecision }>> = {
  float32: { name: "model.onnx", precision: "float32" },
  float16: { name: "model_fp16.onnx", precision: "float16" },
  int8: { name: "model_quantized.onnx", precision: "int8" },
};

export interface OnnxExport {
  readonly checkpoint: Checkpoint;
  readonly model: Model;
  /** How the model takes in its examples. */
  readonly files: ModelFiles;
  readonly dtypes: readonly ExportDtype[];
  /** Bytes of a model file at most, after which parameters lie beside it. */
  readonly longestFile: number | undefined;
}

interface PlannedFile {
  readonly name: string;
  readonly beside: string;
  readonly dtype: ExportDtype;
  readonly file: OnnxFile;
}

/** Our own architectures, by the one of those that Transformers.js knows that takes in and gives the same. */
const loadedAs: Readonly<Record<string, string>> = { cifar_resnet: "resnet" };

/**
 * Writes what Transformers.js loads: `onnx/` with the model in each precision, `config.json`, and the tokenizer's files or, of a model of
 * images, `preprocessor_config.json`.
 * @throws InputError for a checkpoint without head, an architecture without such a form, or weights that float16 has not
 */
export async function writeOnnxFolder(output: OutputFolder, options: OnnxExport): Promise<void> {
  const { checkpoint, model, files, dtypes } = options;
  const sources = sourcesOf(checkpoint, model);
  const imageSize = files.kind === "image" ? ([files.images.height, files.images.width] as const) : undefined;
  const whole = wholeModel(model, { imageSize });
  const planned = dtypes.map((dtype): PlannedFile => {
    const { name, precision } = precisions[dtype];
    const beside = `${name}_data`;
    const limits = { dataFile: beside, longest: options.longestFile };
    return { name, beside, dtype, file: onnxFile(whole.tensors, { ...whole, precision, ...limits }) };
  });
  await output.requireSpace(
    planned.reduce((sum, { file }) => sum + lengthOf([...file.model, ...(file.data ?? [])]), 0),
  );
  await mkdir(output.path("onnx"));
  const read = parameterReader(checkpoint, model, sources);
  for (const { name, beside, file } of planned) {
    await writeParts(output.path(`onnx/${name}`), file.model, read);
    if (file.data !== undefined) await writeParts(output.path(`onnx/${beside}`), file.data, read);
  }
  const modelType = loadedAs[String(checkpoint.config.model_type)];
  await writeJson(output.path("config.json"), {
    ...checkpoint.config,
    ...(modelType === undefined ? {} : { model_type: modelType }),
    ...loaderSettings(planned, whole.carried.size > 0),
  });
  if (files.kind === "image") {
    // Transformers.js takes every setting from the file: what transformers has for each class where a file says nothing, it lacks.
    const settings = { image_processor_type: "ViTImageProcessor", ...files.images.settings };
    await writeJson(output.path("preprocessor_config.json"), settings);
  } else for (const file of files.paths) await copyFileAtomically(file, output.path(basename(file)));
  await copyGenerationConfig(checkpoint.folders, output);
}

async function writeJson(path: string, content: Readonly<Record<string, unknown>>): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(content, null, 2)}\n`);
}

/** What Transformers.js is to know: files that have their parameters beside them, and the form of keys and values where it is not float32. */
function loaderSettings(planned: readonly PlannedFile[], isDecoding: boolean) {
  const beside = planned.filter(({ file }) => file.data !== undefined).map(({ name }) => [name, 1]);
  const hasHalves = isDecoding && planned.some(({ dtype }) => dtype === "float16");
  if (beside.length === 0 && !hasHalves) return {};
  return {
    "transformers.js_config": {
      ...(beside.length === 0 ? {} : { use_external_data_format: Object.fromEntries(beside) }),
      ...(hasHalves ? { kv_cache_dtype: { fp16: "float16" } } : {}),
    },
  };
}

async function writeParts(
  path: string,
  parts: readonly FilePart[],
  read: (parameter: string) => Promise<Float32Array>,
): Promise<void> {
  await replaceFile(path, async (file) => {
    for (const part of parts) {
      await file.writeFile(part instanceof Uint8Array ? part : storedBytesOf(part, await read(part.parameter)));
    }
  });
}
