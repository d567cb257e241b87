/**
 * Tiny configurations of the encoders that have no checkpoint written down in `tiny-checkpoint.ts`: their names and numbers are
 * held to transformers' own by the fixtures.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { initialValues } from "../checkpoint/pretrained.js";
import { writeSafetensors } from "../checkpoint/write-safetensors.js";
import { defineModel } from "../models/architectures.js";
import type { HeadSpecification, Model } from "../models/model.js";
import { tinyPositions } from "./tiny-checkpoint.js";
import { wordPieceFiles } from "./tiny-tokenizer.js";

const sizes = {
  vocab_size: 48,
  hidden_size: 16,
  num_hidden_layers: 3,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: tinyPositions,
  pad_token_id: 0,
};
const deberta = {
  ...sizes,
  model_type: "deberta-v2",
  relative_attention: true,
  position_biased_input: false,
  pos_att_type: ["p2c", "c2p"],
};

/** By what is tested of them. */
export const furtherEncoders: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "xlm-roberta": { ...sizes, model_type: "xlm-roberta", pad_token_id: 1, max_position_embeddings: tinyPositions + 2 },
  camembert: { ...sizes, model_type: "camembert", pad_token_id: 1, max_position_embeddings: tinyPositions + 2 },
  "electra with narrow embeddings": { ...sizes, model_type: "electra", embedding_size: 8 },
  "electra with wide embeddings": { ...sizes, model_type: "electra", embedding_size: 16 },
  "modernbert with mean pooling": {
    ...sizes,
    model_type: "modernbert",
    local_attention: 4,
    classifier_pooling: "mean",
    mlp_dropout: 0.1,
  },
  "modernbert with biases": {
    ...sizes,
    model_type: "modernbert",
    local_attention: 4,
    norm_bias: true,
    attention_bias: true,
    mlp_bias: true,
    classifier_bias: true,
    attention_dropout: 0.1,
  },
  "deberta-v2 with buckets and shared keys": {
    ...deberta,
    position_buckets: 4,
    max_relative_positions: 20,
    share_att_key: true,
    norm_rel_ebd: "layer_norm",
  },
  "deberta-v2 with projections of its own": { ...deberta, type_vocab_size: 2, position_biased_input: true },
};

/** The model of a configuration, its weights drawn so large that every part of it matters. */
export function drawnModel(
  config: Readonly<Record<string, unknown>>,
  head: HeadSpecification,
): { readonly model: Model; readonly weights: Map<string, Float32Array> } {
  const model = defineModel(config, head);
  const weights = new Map(
    model.parameters.map((parameter, index) => {
      const values = initialValues(model, parameter, 5);
      const drawn = initialValues(
        model,
        { ...parameter, initialisation: { kind: "normal", standardDeviation: 0.25 } },
        6 + index,
      );
      const isNorm = parameter.role === "normalisation";
      return [parameter.name, values.map((value, i) => (isNorm ? value + (drawn[i] ?? 0) / 4 : (drawn[i] ?? 0)))];
    }),
  );
  return { model, weights };
}

/** Writes a folder of the backbone alone, its weights drawn afresh, with a WordPiece tokenizer; returns it. */
export async function writeBackbone(folder: string, config: Readonly<Record<string, unknown>>): Promise<string> {
  const { model, weights } = drawnModel(config, { kind: "outputs", per: "position", outputs: 2 });
  await mkdir(folder, { recursive: true });
  const own = model.parameters.filter(({ name }) => name.startsWith(`${model.backbone.name}.`));
  await writeSafetensors(
    join(folder, "model.safetensors"),
    own.map(({ name, shape }) => ({
      name,
      shape,
      dtype: "F32",
      values: () => weights.get(name) ?? new Float32Array(),
    })),
  );
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  for (const [file, content] of Object.entries(wordPieceFiles())) await writeFile(join(folder, file), content);
  return folder;
}
