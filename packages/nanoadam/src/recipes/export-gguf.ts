import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { TextTokenizer } from "../data/text/tokenizer.js";
import { ggufDecoder } from "../export/gguf/decoder.js";
import {
  blockLength,
  type GgufTensor,
  type GgufType,
  type GgufValue,
  ggufBytes,
  ggufHeader,
  ggufPadding,
} from "../export/gguf/file-format.js";
import { ggufBytesOf } from "../export/gguf/stored-tensor.js";
import { vocabularyValues } from "../export/gguf/vocabulary.js";
import type { OutputFolder } from "../files/output-folder.js";
import { readJsonObject } from "../files/read-json.js";
import { replaceFile } from "../files/write-file.js";
import { type Model, requireTexts } from "../models/model.js";
import type { ExportDtype } from "../options/saved-model-options.js";
import { parameterReader, sourcesOf } from "./parameter-reader.js";

/** The type of matrices, and what llama.cpp calls a file of them. */
const types: Readonly<Record<ExportDtype, { readonly type: GgufType; readonly fileType: number }>> = {
  float32: { type: "f32", fileType: 0 },
  float16: { type: "f16", fileType: 1 },
  int8: { type: "q8_0", fileType: 7 },
};

export interface GgufExport {
  readonly checkpoint: Checkpoint;
  readonly model: Model;
  readonly tokenizer: TextTokenizer;
  readonly dtypes: readonly ExportDtype[];
}

/** A tensor of the file and the parameter that it is, or its values. */
interface PlannedTensor extends GgufTensor {
  readonly from: string | Float32Array;
  readonly turnedHeads?: number | undefined;
}

/**
 * Writes what llama.cpp loads: a file for each precision, which has the tokenizer and the chat template in it.
 * @throws InputError for a model or tokenizer that it does not know
 */
export async function writeGgufFiles(output: OutputFolder, options: GgufExport): Promise<void> {
  const { checkpoint, model, dtypes } = options;
  const decoder = ggufDecoder(model, checkpoint.config, basename(checkpoint.folder));
  const read = parameterReader(checkpoint, model, sourcesOf(checkpoint, model));
  const values = new Map([...decoder.values, ...(await tokenizerValues(options))]);
  const { frequencyDivisors: divisors } = decoder;
  const planned = dtypes.map((dtype) => {
    const { type, fileType } = types[dtype];
    const tensors = model.parameters.map(({ name: from, shape }): PlannedTensor => {
      const { name = from, turnedHeads } = decoder.tensors.get(from) ?? {};
      return { name, from, shape, type: shape.length === 1 ? "f32" : typeFor(type, shape), turnedHeads };
    });
    if (divisors !== undefined) {
      tensors.push({ name: "rope_freqs.weight", from: divisors, shape: [divisors.length], type: "f32" });
    }
    const own: readonly (readonly [string, GgufValue])[] = [
      ["general.file_type", { uint32: fileType }],
      ["general.quantization_version", { uint32: 2 }],
    ];
    return { file: `model-${type}.gguf`, tensors, header: ggufHeader(new Map([...values, ...own]), tensors) };
  });
  const bytes = planned.map(
    ({ header, tensors }) => header.length + tensors.reduce((sum, each) => sum + ggufBytes(each), 0),
  );
  await output.requireSpace(bytes.reduce((sum, each) => sum + each, 0));
  for (const { file, tensors, header } of planned) {
    await replaceFile(output.path(file), async (handle) => {
      await handle.writeFile(header);
      for (const tensor of tensors) {
        const held = typeof tensor.from === "string" ? await read(tensor.from) : tensor.from;
        const stored = ggufBytesOf(tensor, held, tensor.turnedHeads, tensor.shape[0]);
        await handle.writeFile(stored);
        await handle.writeFile(ggufPadding(stored.length));
      }
    });
  }
}

/** Rows that are not made of whole blocks have 16 bits instead of 8, as llama.cpp's own converter has it. */
function typeFor(type: GgufType, shape: readonly number[]): GgufType {
  return type === "q8_0" && (shape.at(-1) ?? 0) % blockLength !== 0 ? "f16" : type;
}

/** The tokenizer, the tokens around texts, and the chat template. */
async function tokenizerValues({
  checkpoint,
  model,
  tokenizer,
}: GgufExport): Promise<(readonly [string, GgufValue])[]> {
  const file = join(checkpoint.tokenizerFolder, "tokenizer.json");
  const rows = requireTexts(model.backbone.input, checkpoint.folder).vocabularySize;
  const vocabulary = vocabularyValues({ tokenizer: (await readJsonObject(file)) ?? {}, file, rows });
  const around = tokenizer.encode("a", undefined, Number.MAX_SAFE_INTEGER);
  const [first, last] = [0, around.ids.length - 1].map((place) =>
    around.specialMask[place] === 1 ? around.ids[place] : undefined,
  );
  const { bos_token_id: told } = checkpoint.config;
  const begin = first ?? (typeof told === "number" ? told : undefined);
  const end = last ?? tokenizer.endId;
  const template = await chatTemplateOf(tokenizer.files);
  return [
    ...vocabulary,
    ["tokenizer.ggml.add_bos_token", { bool: first !== undefined }],
    ["tokenizer.ggml.add_eos_token", { bool: last !== undefined }],
    ...(begin === undefined ? [] : [["tokenizer.ggml.bos_token_id", { uint32: begin }] as const]),
    ...(end === undefined ? [] : [["tokenizer.ggml.eos_token_id", { uint32: end }] as const]),
    ...(template === undefined ? [] : [["tokenizer.chat_template", { string: template }] as const]),
  ];
}

/** The source of the chat template, where the tokenizer's files have one. */
async function chatTemplateOf(files: readonly string[]): Promise<string | undefined> {
  const path = (name: string) => files.find((each) => basename(each) === name);
  const [own, configFile] = [path("chat_template.jinja"), path("tokenizer_config.json")];
  if (own !== undefined) return readFile(own, "utf8");
  const template = configFile === undefined ? undefined : (await readJsonObject(configFile))?.chat_template;
  return typeof template === "string" ? template : undefined;
}
