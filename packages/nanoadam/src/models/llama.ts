/** Llama (Touvron et al. 2023), and what is a Llama by its configuration: SmolLM2, TinyLlama. */
import { z } from "zod";
import {
  activationName,
  depth,
  deviation,
  parseConfig,
  type RawConfig,
  rate,
  requireDivision,
  size,
} from "./config.js";
import { decoder } from "./decoder.js";
import type { Backbone } from "./model.js";
import { ropeFields, ropeOf } from "./rope.js";

/** The fields that Llama and its descendants share. */
export const llamaFields = {
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: depth,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: activationName.default("silu"),
  max_position_embeddings: size.default(2048),
  rms_norm_eps: z.number().positive().default(1e-6),
  initializer_range: deviation,
  attention_dropout: rate.default(0),
  /** Of the head for tokens. */
  classifier_dropout: rate.nullish(),
  hidden_dropout: rate.nullish(),
  token_classification_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(false),
  ...ropeFields,
};

const llamaConfig = z.object({
  ...llamaFields,
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
});

export function llama(rawConfig: RawConfig): Backbone {
  const config = parseConfig(llamaConfig, rawConfig);
  const common = llamaOptions(config);
  return decoder({
    ...common,
    classNames: classNames("Llama"),
    biases: { queryKeyValue: config.attention_bias, output: config.attention_bias, feedForward: config.mlp_bias },
    layers: new Array(config.num_hidden_layers).fill("full_attention"),
    attention: { full_attention: { rope: ropeOf(config, common) } },
  });
}

/** What a model of this kind is called with each head. */
export function classNames(name: string) {
  return {
    languageModel: `${name}ForCausalLM`,
    texts: `${name}ForSequenceClassification`,
    tokens: `${name}ForTokenClassification`,
  };
}

/** The numbers of a decoder that Llama and its descendants give under the same names. */
export function llamaOptions(config: z.output<z.ZodObject<typeof llamaFields>>) {
  const { hidden_size: hidden, num_attention_heads: heads } = config;
  const { num_key_value_heads: keyHeads, head_dim: headSize } = config;
  if (!headSize) requireDivision("hidden_size", hidden, "2 * num_attention_heads,", 2 * heads);
  else requireDivision("head_dim", headSize, "the two that rotation turns against each other,", 2);
  requireDivision("num_attention_heads", heads, "num_key_value_heads", keyHeads ?? heads);
  return {
    vocabulary: config.vocab_size,
    hidden,
    intermediate: config.intermediate_size,
    maximumLength: config.max_position_embeddings,
    heads,
    keyHeads: keyHeads ?? heads,
    headSize: headSize ?? hidden / heads,
    activation: config.hidden_act,
    epsilon: config.rms_norm_eps,
    attentionDropout: config.attention_dropout,
    deviation: config.initializer_range,
    tokenHead: {
      dropout: config.classifier_dropout ?? config.hidden_dropout ?? 0.1,
      bias: config.token_classification_bias,
    },
    isTied: config.tie_word_embeddings,
    norms: { attention: "input_layernorm", feedForward: "post_attention_layernorm" },
    normalisesHeads: false,
    normOffset: 0,
  } as const;
}
