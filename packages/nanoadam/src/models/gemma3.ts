/**
 * Gemma 3's text models (Gemma Team 2025): what comes out of attention and of feed-forward parts is normalised too, embeddings
 * are scaled, and layers with a window have rotary positions of their own.
 */
import { z } from "zod";
import { activationName, parseConfig, type RawConfig, size } from "./config.js";
import { decoder } from "./decoder.js";
import { attentionKinds, layerKinds } from "./layer-kinds.js";
import { llamaFields, llamaOptions } from "./llama.js";
import type { Backbone } from "./model.js";
import { defineRope } from "./rope.js";

const ropeSettings = z.record(z.string(), z.unknown()).nullish();
const positive = z.number().positive();

const gemma3Config = z.object({
  ...llamaFields,
  num_key_value_heads: size.nullable().default(4),
  head_dim: size.default(256),
  hidden_activation: activationName.default("gelu_pytorch_tanh"),
  max_position_embeddings: size.default(131_072),
  tie_word_embeddings: z.boolean().default(true),
  attention_bias: z.boolean().default(false),
  query_pre_attn_scalar: positive.default(256),
  sliding_window: size.default(4096),
  sliding_window_pattern: size.default(6),
  layer_types: z.array(z.enum(attentionKinds)).nullish(),
  rope_theta: positive.default(1_000_000),
  rope_local_base_freq: positive.default(10_000),
  rope_parameters: z.object({ full_attention: ropeSettings, sliding_attention: ropeSettings }).nullish(),
  final_logit_softcapping: positive.nullish(),
  /** Scores that stay near 0, and attention to what follows, would need other layers. */
  attn_logit_softcapping: z.null().optional(),
  use_bidirectional_attention: z.literal(false).nullish(),
});

type Gemma3Config = z.output<typeof gemma3Config>;

export function gemma3(rawConfig: RawConfig): Backbone {
  const config = parseConfig(gemma3Config, rawConfig);
  const common = llamaOptions(config);
  const layers = layerKinds(config, (layer) =>
    (layer + 1) % config.sliding_window_pattern === 0 ? "full_attention" : "sliding_attention",
  );
  const { attention_bias: bias } = config;
  return decoder({
    ...common,
    classNames: { languageModel: "Gemma3ForCausalLM", texts: "Gemma3TextForSequenceClassification" },
    activation: config.hidden_activation,
    biases: { queryKeyValue: bias, output: bias, feedForward: false },
    norms: {
      attention: "input_layernorm",
      attentionOutput: "post_attention_layernorm",
      feedForward: "pre_feedforward_layernorm",
      feedForwardOutput: "post_feedforward_layernorm",
    },
    normalisesHeads: true,
    normOffset: 1,
    embeddingScale: Math.sqrt(common.hidden),
    scoreScale: config.query_pre_attn_scalar ** -0.5,
    logitCap: config.final_logit_softcapping ?? undefined,
    layers,
    attention: attentionOf(config, common),
  });
}

/** Rotary positions and reach of both kinds of layers. */
function attentionOf(config: Gemma3Config, { headSize, maximumLength }: ReturnType<typeof llamaOptions>) {
  const { rope_parameters: parameters, rope_scaling: scaling } = config;
  const rope = (told: RawConfig, field: string, theta: number) =>
    defineRope(told, field, { headSize, maximumLength, theta });
  const full = { ...parameters?.full_attention, ...scaling };
  const isScaled = scaling !== null && scaling !== undefined;
  return {
    full_attention: {
      rope: rope(full, isScaled ? "rope_scaling" : "rope_parameters.full_attention", config.rope_theta),
    },
    sliding_attention: {
      rope: rope(parameters?.sliding_attention ?? {}, "rope_parameters.sliding_attention", config.rope_local_base_freq),
      window: config.sliding_window,
    },
  };
}
