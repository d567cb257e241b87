import { basename } from "node:path";
import type { TextTokenizer } from "../data/text/load.js";
import type { OutputFolder } from "../files/output-folder.js";
import { readJsonObject } from "../files/read-json.js";
import { copyFileAtomically, writeFileAtomically } from "../files/write-file.js";
import type { ModelFiles } from "../tasks/model-files.js";

const configFile = "tokenizer_config.json";

/** Copies the files that say how a model takes in examples. */
export async function saveModelFiles(output: Pick<OutputFolder, "path">, files: ModelFiles): Promise<void> {
  if (files.kind === "text") await saveTokenizer(output, files.text.tokenizer, files.maximumSize);
  else for (const path of files.paths) await copyFileAtomically(path, output.path(basename(path)));
}

/**
 * Copies a tokenizer's files; `tokenizer_config.json` says as `model_max_length` how many tokens of a text the model has learned
 * from, so that all who read the folder, transformers too, cut texts as the training did.
 */
async function saveTokenizer(
  output: Pick<OutputFolder, "path">,
  { files }: Pick<TextTokenizer, "files">,
  maxLength: number,
): Promise<void> {
  for (const file of files)
    if (basename(file) !== configFile) await copyFileAtomically(file, output.path(basename(file)));
  const known = files.find((file) => basename(file) === configFile);
  const config = known === undefined ? {} : await readJsonObject(known);
  const content = { ...config, model_max_length: maxLength };
  await writeFileAtomically(output.path(configFile), `${JSON.stringify(content, null, 2)}\n`);
}
