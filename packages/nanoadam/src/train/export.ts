import { copyFile } from "node:fs/promises";
import { basename } from "node:path";
import { loadTokenizer } from "../data/tokenizer.js";
import { InputError } from "../errors.js";
import { adapterConfigFile, openModelFolder } from "../hub/adapter.js";
import { OutputFolder } from "../hub/output-folder.js";
import { loadPretrained } from "../hub/pretrained.js";
import { readJsonObject } from "../hub/read-json.js";
import { writeFileAtomically } from "../hub/write-file.js";
import { writeSafetensors } from "../hub/write-safetensors.js";
import { taskOf } from "./apply.js";
import { type ExportInput, exportSchema } from "./options.js";
import { parseOptions } from "./parse-options.js";

/**
 * Writes an adapter and its base model as one checkpoint folder: every weight as the base stores it, the adapter's product
 * added.
 *
 * @throws InputError where the folder is no adapter, the base model is missing, or `merge` was not asked for.
 */
export async function exportModel(input: ExportInput): Promise<void> {
  const options = parseOptions(exportSchema, input);
  if ((await readJsonObject(`${options.model}/${adapterConfigFile}`)) === undefined) {
    throw new InputError(`${options.model} has no ${adapterConfigFile}, so there is no adapter to merge`);
  }
  if (!options.merge) throw new InputError("--merge is needed: an adapter is exported by adding it to its base model");
  const checkpoint = await openModelFolder(options.model, options.base);
  let output: OutputFolder | undefined;
  try {
    const tokenizer = await loadTokenizer(options.model);
    const { task } = taskOf(checkpoint, tokenizer);
    const { model, weights, sources } = await loadPretrained(checkpoint, task.head, 0);
    output = await OutputFolder.create(options.output, {
      overwrite: options.overwrite,
      inputs: { "--model": options.model, "--base": options.base },
    });
    await writeSafetensors(
      output.path("model.safetensors"),
      model.parameters.map(({ name, shape }) => {
        const dtype = sources.get(name)?.dtype;
        const values = weights.get(name) ?? new Float32Array();
        return { name, shape, dtype: dtype === "BF16" || dtype === "F16" ? dtype : "F32", values };
      }),
    );
    await writeFileAtomically(output.path("config.json"), `${JSON.stringify(checkpoint.config, null, 2)}\n`);
    for (const file of tokenizer.files) await copyFile(file, output.path(basename(file)));
    await output.commit();
  } finally {
    await output?.discard();
    await checkpoint.close();
  }
}
