/** Tiny configurations of every decoder; their names and numbers are held to transformers' own by the fixtures. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors } from "../checkpoint/write-safetensors.js";
import { drawnModel } from "./further-encoders.js";
import { tinyPositions } from "./tiny-checkpoint.js";
import { byteFallbackFiles } from "./tiny-tokenizer.js";

const llama = {
  model_type: "llama",
  vocab_size: 300,
  hidden_size: 16,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: tinyPositions,
};
const { intermediate_size: _, num_key_value_heads: __, ...sizes } = llama;
const narrow = { ...sizes, model_type: "opt", ffn_dim: 24, word_embed_proj_dim: 8 };

/** By what is tested of them. */
export const tinyDecoders = {
  llama,
  "llama with biases and tied": {
    ...llama,
    attention_bias: true,
    mlp_bias: true,
    head_dim: 6,
    attention_dropout: 0.1,
    tie_word_embeddings: true,
    rope_scaling: { rope_type: "dynamic", factor: 2 },
    max_position_embeddings: 12,
  },
  "mistral with a window": { ...llama, model_type: "mistral", sliding_window: 4 },
  "qwen2 with windows": {
    ...llama,
    model_type: "qwen2",
    use_sliding_window: true,
    sliding_window: 4,
    max_window_layers: 1,
  },
  qwen3: { ...llama, model_type: "qwen3", head_dim: 8, tie_word_embeddings: true },
  gemma3: { ...llama, model_type: "gemma3_text", head_dim: 8, sliding_window: 4, sliding_window_pattern: 2 },
  opt: { ...sizes, model_type: "opt", ffn_dim: 24 },
  "opt with narrow embeddings": narrow,
  "opt normalised afterwards": { ...narrow, word_embed_proj_dim: 16, do_layer_norm_before: false },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const nextToken = { kind: "language-model", predicts: "next" } as const;

/** Writes a folder of a decoder with its head over the vocabulary, and with Llama's kind of tokenizer; returns it. */
export async function writeTinyDecoder(folder: string, config: Readonly<Record<string, unknown>>): Promise<string> {
  const { model, weights } = drawnModel(config, nextToken);
  await mkdir(folder, { recursive: true });
  const tensors = model.parameters.map(({ name, shape }) => {
    const values = weights.get(name) ?? new Float32Array();
    return { name, shape, dtype: "F32" as const, values: () => values };
  });
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, architectures: [model.architecture] }));
  for (const [file, content] of Object.entries(byteFallbackFiles())) await writeFile(join(folder, file), content);
  return folder;
}
