/**
 * RoBERTa (Liu et al. 2019): BERT's encoder, positions that skip padding, one token type, and heads of its own. XLM-RoBERTa (Conneau et al.
 * 2019) and CamemBERT (Martin et al. 2020) are the same network, trained on other texts; their checkpoints say "roberta" too.
 */
import { tanh } from "@nanoadam/engine";
import { encoderStages, tokenHeadOptions } from "./bert.js";
import { type EncoderConfig, encoderConfig, parseEncoderConfig, type RawConfig } from "./config.js";
import { denseHead } from "./dense-head.js";
import { oneTokenType, positionsAfterPadding, withOneTokenType, withPositionsAfterPadding } from "./encoder.js";
import { maskedLmHead } from "./masked-lm-head.js";
import type { Backbone, Head } from "./model.js";
import { tokenHead } from "./token-head.js";

export const roberta = robertaNamed("Roberta");
export const xlmRoberta = robertaNamed("XLMRoberta");
export const camembert = robertaNamed("Camembert");

/** @param className how the names of Hugging Face's classes start */
function robertaNamed(className: string): (rawConfig: RawConfig) => Backbone {
  return (rawConfig) => {
    const config = parseEncoderConfig(encoderConfig, rawConfig);
    const padding = config.pad_token_id ?? 1;
    return {
      name: "roberta",
      input: {
        kind: "text",
        vocabularySize: config.vocab_size,
        maximumLength: config.max_position_embeddings - padding - 1,
      },
      stages: encoderStages("roberta", config),
      adapterTargets: ["query", "value"],
      extend: (batch) => withOneTokenType(withPositionsAfterPadding(batch, padding)),
      extendGraph: (batch) => oneTokenType(positionsAfterPadding(batch, padding)),
      head(specification) {
        if (specification.kind === "language-model") return languageModelHead(`${className}ForMaskedLM`, config);
        const { per, outputs } = specification;
        const options = { outputs, ...tokenHeadOptions(config) };
        return per === "example"
          ? denseHead({ architecture: `${className}ForSequenceClassification`, activation: tanh, ...options })
          : tokenHead({ architecture: `${className}ForTokenClassification`, ...options });
      },
    };
  };
}

function languageModelHead(architecture: string, config: EncoderConfig): Head {
  return maskedLmHead({
    architecture,
    stage: "lm_head",
    names: {
      transform: "lm_head.dense",
      LayerNorm: "lm_head.layer_norm",
      bias: "lm_head.bias",
      wordEmbeddings: "roberta.embeddings.word_embeddings",
      decoder: "lm_head.decoder",
    },
    isTied: config.tie_word_embeddings,
    hidden: config.hidden_size,
    vocabulary: config.vocab_size,
    deviation: config.initializer_range,
    activation: "gelu",
    epsilon: config.layer_norm_eps,
  });
}
