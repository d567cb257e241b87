import { expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { defineModel } from "./architectures.js";

const head = { kind: "outputs", per: "example", outputs: 2 } as const;

/** As much as config.json must tell. */
const bert = {
  model_type: "bert",
  vocab_size: 48,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 40,
};
const { model_type: _, ...sizes } = bert;
const distilbert = {
  model_type: "distilbert",
  vocab_size: 48,
  dim: 16,
  n_layers: 2,
  n_heads: 2,
  hidden_dim: 32,
  max_position_embeddings: 40,
};

test.each([bert, { ...bert, model_type: "roberta" }, distilbert])("%o is enough for a model", (config) => {
  expect(defineModel(config, head)).toMatchObject({ backbone: { input: { vocabularySize: 48 } } });
});

test.each([
  [
    "an unknown architecture",
    { ...bert, model_type: "gpt9" },
    'model_type is "gpt9", expected one of bert, roberta, xlm-roberta, camembert, distilbert, electra, modernbert, deberta-v2, llama, mistral, qwen2, qwen3, gemma3_text, opt',
  ],
  [
    "no architecture",
    sizes,
    "model_type is missing, expected one of bert, roberta, xlm-roberta, camembert, distilbert, electra, modernbert, deberta-v2, llama, mistral, qwen2, qwen3, gemma3_text, opt",
  ],
  ["a size left out", { ...bert, hidden_size: undefined }, "hidden_size is missing"],
  ["a size of the wrong kind", { ...bert, hidden_size: "16" }, /hidden_size is "16": .*expected number/],
  [
    "heads that do not divide the width",
    { ...bert, num_attention_heads: 3 },
    "hidden_size 16 is not a multiple of num_attention_heads 3",
  ],
  ["the same of DistilBERT", { ...distilbert, n_heads: 3 }, "dim 16 is not a multiple of n_heads 3"],
  ["an unknown activation", { ...bert, hidden_act: "swoosh" }, /hidden_act is "swoosh": .*gelu/],
  [
    "positions that are not learned ones",
    { ...bert, position_embedding_type: "relative_key" },
    /position_embedding_type is "relative_key": .*absolute/,
  ],
  ["a decoder", { ...bert, is_decoder: true }, /is_decoder is true: .*expected false/],
  ["attention to another network", { ...bert, add_cross_attention: true }, /add_cross_attention is true/],
])("%s is refused", async (_, config, says) => {
  await expectRefusal(() => defineModel(config, head), /^config\.json: /, says);
});
