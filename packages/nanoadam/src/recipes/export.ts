import { basename } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import type { WeightArray } from "@nanoadam/optim";
import { openModelFolder } from "../checkpoint/adapter.js";
import { adapterConfigFile } from "../checkpoint/adapter-config.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { findSources } from "../checkpoint/pretrained.js";
import { storedBytes, type WritableTensor, writableAs, writeSafetensors } from "../checkpoint/write-safetensors.js";
import { encoderForModel } from "../data/text/encoder.js";
import { loadTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import { OutputFolder } from "../files/output-folder.js";
import { readJsonObject } from "../files/read-json.js";
import { copyFileAtomically, writeFileAtomically } from "../files/write-file.js";
import { defineBackbone } from "../models/architectures.js";
import { assembleModel, type Model } from "../models/model.js";
import { parseOptions } from "../options/parse-options.js";
import { type ExportInput, exportSchema } from "../options/saved-model-options.js";
import { taskOfConfig } from "../tasks/registry.js";
import type { NoticeListener } from "../train/observer.js";
import { copyGenerationConfig } from "./generation-config.js";

/**
 * Writes an adapter and its base model as one checkpoint folder: every weight as the base stores it, the adapter's product
 * added.
 *
 * @throws InputError where the folder is no adapter, the base model is missing, or `merge` was not asked for.
 */
export async function exportModel(input: ExportInput, listener: NoticeListener = {}): Promise<void> {
  const options = parseOptions(exportSchema, input);
  if ((await readJsonObject(`${options.model}/${adapterConfigFile}`)) === undefined) {
    throw new InputError(`${options.model} has no ${adapterConfigFile}, so there is no adapter to merge`);
  }
  const checkpoint = await openModelFolder(options.model, options.base);
  let output: OutputFolder | undefined;
  try {
    const tokenizer = await loadTokenizer(checkpoint.tokenizerFolder);
    const backbone = defineBackbone(checkpoint.config);
    const text = encoderForModel(tokenizer, backbone.input, {
      asked: undefined,
      folder: options.model,
    });
    const { head } = taskOfConfig(checkpoint.config, `${checkpoint.folder}/config.json`, { text });
    const tensors = mergedTensors(checkpoint, assembleModel(backbone, head));
    output = await OutputFolder.create(options.output, {
      overwrite: options.overwrite,
      inputs: { model: checkpoint.folder, base: checkpoint.folders.slice(1) },
      tell: (notice) => listener.onNotice?.(notice),
    });
    await output.requireSpace(storedBytes(tensors));
    await writeSafetensors(output.path("model.safetensors"), tensors);
    await writeFileAtomically(output.path("config.json"), `${JSON.stringify(checkpoint.config, null, 2)}\n`);
    for (const file of tokenizer.files) await copyFileAtomically(file, output.path(basename(file)));
    await copyGenerationConfig(checkpoint.folders, output);
    await output.commit();
  } finally {
    await output?.discard();
    await checkpoint.close();
  }
}

/**
 * The model's tensors as the checkpoint stores them, or float32 where it cannot be written so; a head that it lacks is left
 * out. They are read one at a time into the same memory.
 */
function mergedTensors(checkpoint: Checkpoint, model: Model): WritableTensor[] {
  const { sources } = findSources(checkpoint, model);
  const longest = Math.max(...model.parameters.map(({ shape }) => sizeOf(shape)));
  const memory = new ArrayBuffer(longest * Float32Array.BYTES_PER_ELEMENT);
  return model.parameters.flatMap(({ name, shape }) => {
    const source = sources.get(name);
    if (source === undefined) return [];
    const dtype = writableAs(source.dtype);
    const values = async (): Promise<WeightArray> => {
      const target = new (dtype === "BF16" ? Uint16Array : Float32Array)(memory, 0, sizeOf(shape));
      await checkpoint.read(source.name, target);
      return target;
    };
    return [{ name, shape, dtype, values }];
  });
}
