import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { readWholeFile } from "../../files/read-file.js";
import { readJsonObject } from "../../files/read-json.js";
import { describeSystemError } from "../../files/system-error.js";
import { createTextTokenizer, type TextTokenizer } from "./tokenizer.js";

export type { EncodedText, EncodedWords, TextTokenizer } from "./tokenizer.js";

const chatTemplateName = "chat_template.jinja";

const tokenizerFiles: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.txt",
  "vocab.json",
  "merges.txt",
  "spiece.model",
  "sentencepiece.bpe.model",
  "spm.model",
  "tokenizer.model",
  chatTemplateName,
];

/**
 * Loads the tokenizer of a model folder from tokenizer.json, with tokenizer_config.json and special_tokens_map.json where
 * they are there. Throws InputError where tokenizer.json is missing or a file cannot be used.
 */
export async function loadTokenizer(folder: string): Promise<TextTokenizer> {
  const path = join(folder, "tokenizer.json");
  const tokenizer = await readJsonObject(path);
  if (!tokenizer) {
    throw new InputError(
      `${folder} has no tokenizer.json; save it once in Python with AutoTokenizer.from_pretrained(...).save_pretrained('${folder}').`,
    );
  }
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw new InputError(`The model folder ${folder} could not be read: ${describeSystemError(error)}.`);
  }
  const configFile = join(folder, "tokenizer_config.json");
  const templateFile = join(folder, chatTemplateName);
  return createTextTokenizer({
    file: path,
    configFile,
    tokenizer,
    config: (await readJsonObject(configFile)) ?? {},
    specialTokens: (await readJsonObject(join(folder, "special_tokens_map.json"))) ?? {},
    modelType: (await readJsonObject(join(folder, "config.json")))?.model_type,
    chatTemplate: names.includes(chatTemplateName)
      ? { file: templateFile, source: new TextDecoder().decode(await readWholeFile(templateFile)) }
      : undefined,
    paths: tokenizerFiles.filter((name) => names.includes(name)).map((name) => join(folder, name)),
  });
}
