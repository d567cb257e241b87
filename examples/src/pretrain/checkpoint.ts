import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineModel, initialValues, writeSafetensors } from "nanoadam";
import { specialTokens } from "./wordpiece.js";

/** Writes tokenizer.json and the files beside it for a lower-casing WordPiece vocabulary. */
export function writeTokenizer(folder: string, vocabulary: readonly string[], maximumLength: number): void {
  const [padding, unknown, start, end, mask] = specialTokens;
  const special = (token: string) => ({ id: token, ids: [vocabulary.indexOf(token)], tokens: [token] });
  const part = (token: string, type: number) => ({ SpecialToken: { id: token, type_id: type } });
  const text = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
  const json = (file: string, value: unknown) => writeFileSync(join(folder, file), JSON.stringify(value));
  json("tokenizer.json", {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [part(start, 0), text("A", 0), part(end, 0)],
      pair: [part(start, 0), text("A", 0), part(end, 0), text("B", 1), part(end, 1)],
      special_tokens: { [start]: special(start), [end]: special(end) },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: unknown,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    },
  });
  const names = { pad_token: padding, unk_token: unknown, cls_token: start, sep_token: end, mask_token: mask };
  json("special_tokens_map.json", names);
  json("tokenizer_config.json", {
    tokenizer_class: "BertTokenizer",
    do_lower_case: true,
    model_max_length: maximumLength,
    ...names,
  });
  writeFileSync(join(folder, "vocab.txt"), `${vocabulary.join("\n")}\n`);
}

/** The width of one attention head: the hidden size is a multiple of it. */
export const headSize = 32;

export interface EncoderSize {
  readonly vocabulary: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly positions: number;
}

/** Writes a BertForMaskedLM with the given embeddings and everything else freshly drawn; returns its size in numbers. */
export async function writeInitialCheckpoint(
  folder: string,
  size: EncoderSize,
  tables: Readonly<Record<"word_embeddings" | "position_embeddings", Float32Array>>,
  seed: number,
): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const config = {
    architectures: ["BertForMaskedLM"],
    model_type: "bert",
    hidden_act: "gelu",
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    initializer_range: 0.02,
    torch_dtype: "float32",
    hidden_size: size.hiddenSize,
    num_attention_heads: size.hiddenSize / headSize,
    num_hidden_layers: size.layers,
    intermediate_size: 4 * size.hiddenSize,
    vocab_size: size.vocabulary,
    max_position_embeddings: size.positions,
    type_vocab_size: 2,
  };
  writeFileSync(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  const given: Readonly<Record<string, Float32Array>> = {
    "bert.embeddings.word_embeddings.weight": tables.word_embeddings,
    "bert.embeddings.position_embeddings.weight": tables.position_embeddings,
  };
  const model = defineModel(config, { kind: "language-model", predicts: "masked" });
  const tensors = model.parameters.map((parameter) => {
    const { name, shape } = parameter;
    return { name, shape, dtype: "F32" as const, values: given[name] ?? initialValues(model, parameter, seed) };
  });
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  return tensors.reduce((sum, { values }) => sum + values.length, 0);
}
