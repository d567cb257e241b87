import { basename, join } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { openModelFolder } from "../checkpoint/adapter.js";
import { adapterConfigFile } from "../checkpoint/adapter-config.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { locateModel } from "../checkpoint/locate-model.js";
import { findBuffers, findSources } from "../checkpoint/pretrained.js";
import { storedBytes, type WritableTensor, writableAs, writeSafetensors } from "../checkpoint/write-safetensors.js";
import { InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { readJsonObject } from "../files/read-json.js";
import { copyFileAtomically, writeFileAtomically } from "../files/write-file.js";
import { defineBackbone } from "../models/architectures.js";
import { assembleModel, type Model, requireTexts } from "../models/model.js";
import { parseOptions } from "../options/parse-options.js";
import { type ExportInput, exportSchema } from "../options/saved-model-options.js";
import { loadModelFiles } from "../tasks/model-files.js";
import { taskOfConfig } from "../tasks/registry.js";
import type { NoticeListener } from "../train/observer.js";
import { writeGgufFiles } from "./export-gguf.js";
import { writeOnnxFolder } from "./export-onnx.js";
import { copyGenerationConfig } from "./generation-config.js";

export interface ExportControl extends NoticeListener {
  /** Bytes of an ONNX file at most, beyond which the parameters lie in a file beside it; the format ends at 2 GiB. */
  readonly longestFile?: number;
}

/**
 * Writes a model for other programs. As `safetensors`, an adapter and its base model become one checkpoint folder: every weight
 * as the base stores it, the adapter's product added. As `onnx`, any fine-tuned model becomes a folder that Transformers.js
 * and ONNX Runtime load. As `gguf`, a decoder becomes files that llama.cpp loads.
 *
 * @throws InputError where there is no adapter to merge, no such model, or no such form of it.
 */
export async function exportModel(input: ExportInput, control: ExportControl = {}): Promise<void> {
  const options = parseOptions(exportSchema, input);
  const folder = await locateModel(options.model, control.onNotice);
  if (options.format === "safetensors" && (await readJsonObject(join(folder, adapterConfigFile))) === undefined) {
    throw new InputError(`${options.model} has no ${adapterConfigFile}, so there is no adapter to merge`);
  }
  const checkpoint = await openModelFolder(folder, options.base, control.onNotice);
  let output: OutputFolder | undefined;
  try {
    const backbone = defineBackbone(checkpoint.config);
    const files = await loadModelFiles(backbone.input, checkpoint.tokenizerFolder, {
      asked: undefined,
      folder: options.model,
    });
    const { head } = taskOfConfig(checkpoint.config, `${checkpoint.folder}/config.json`, files);
    const model = assembleModel(backbone, head);
    output = await OutputFolder.create(options.output, {
      overwrite: options.overwrite,
      inputs: { model: checkpoint.folder, base: checkpoint.folders.slice(1) },
      tell: (notice) => control.onNotice?.(notice),
    });
    if (options.format === "gguf") requireTexts(backbone.input, options.model);
    if (options.format === "onnx") {
      const { longestFile } = control;
      await writeOnnxFolder(output, {
        checkpoint,
        model,
        files,
        dtypes: options.dtype,
        longestFile,
      });
    } else if (options.format === "gguf" && files.kind === "text") {
      const { tokenizer } = files.text;
      await writeGgufFiles(output, { checkpoint, model, tokenizer, dtypes: options.dtype });
    } else await writeMerged(output, checkpoint, model, files.paths);
    await output.commit();
  } finally {
    await output?.discard();
    await checkpoint.close();
  }
}

/** The checkpoint folder of a model with its adapter added. */
async function writeMerged(
  output: OutputFolder,
  checkpoint: Checkpoint,
  model: Model,
  tokenizerFiles: readonly string[],
): Promise<void> {
  const tensors = mergedTensors(checkpoint, model);
  await output.requireSpace(storedBytes(tensors));
  await writeSafetensors(output.path("model.safetensors"), tensors);
  await writeFileAtomically(output.path("config.json"), `${JSON.stringify(checkpoint.config, null, 2)}\n`);
  for (const file of tokenizerFiles) await copyFileAtomically(file, output.path(basename(file)));
  await copyGenerationConfig(checkpoint.folders, output);
}

/**
 * The model's tensors as the checkpoint stores them, or float32 where it cannot be written so; a head that it lacks is left
 * out. They are read one at a time into the same memory.
 */
function mergedTensors(checkpoint: Checkpoint, model: Model): WritableTensor[] {
  const { sources } = findSources(checkpoint, model);
  const buffers = findBuffers(checkpoint, model);
  const longest = Math.max(...[...model.parameters, ...model.buffers].map(({ shape }) => sizeOf(shape)));
  const memory = new ArrayBuffer(longest * Float32Array.BYTES_PER_ELEMENT);
  const parameters = model.parameters.flatMap(({ name, shape }): WritableTensor[] => {
    const source = sources.get(name);
    if (source === undefined) return [];
    const dtype = writableAs(source.dtype);
    const values = async (): Promise<WeightArray> => {
      const target = new (dtype === "BF16" ? Uint16Array : Float32Array)(memory, 0, sizeOf(shape));
      await checkpoint.read(source.name, target, source.start);
      return target;
    };
    return [{ name, shape, dtype, values }];
  });
  const statistics = model.buffers.flatMap(({ name, shape, isCount }): WritableTensor[] => {
    const found = buffers.get(name);
    if (found === undefined) return [];
    const values = () => checkpoint.readFloat32(found.entry.name);
    return [{ name, shape, dtype: isCount === true ? "I64" : "F32", values }];
  });
  return [...parameters, ...statistics];
}
