/**
 * ELECTRA (Clark et al. 2020): BERT's layers on embeddings that may be narrower than they, and heads of its own. The
 * generator has the head over the vocabulary; the discriminator's own head, which tells replaced tokens, is left out.
 */
import { gelu } from "@nanoadam/engine";
import { embeddingStage, encoderLayerStages, tokenHeadOptions } from "./bert.js";
import { encoderConfig, parseEncoderConfig, type RawConfig, size } from "./config.js";
import { denseHead } from "./dense-head.js";
import { withConsecutivePositions } from "./encoder.js";
import { consecutivePositions } from "./graph-batch.js";
import { maskedLmHead } from "./masked-lm-head.js";
import type { Backbone, Head, Stage } from "./model.js";
import { linearParameters } from "./parameters.js";
import { tokenHead } from "./token-head.js";

const electraConfig = encoderConfig.extend({ embedding_size: size.default(128) });

type ElectraConfig = ReturnType<typeof electraConfig.parse>;

export function electra(rawConfig: RawConfig): Backbone {
  const config = parseEncoderConfig(electraConfig, rawConfig);
  return {
    name: "electra",
    input: { kind: "text", vocabularySize: config.vocab_size, maximumLength: config.max_position_embeddings },
    stages: [
      embeddingStage("electra", config, config.embedding_size),
      ...(config.embedding_size === config.hidden_size ? [] : [projectionStage(config)]),
      ...encoderLayerStages("electra", config),
    ],
    adapterTargets: ["query", "value"],
    extend: withConsecutivePositions,
    extendGraph: consecutivePositions,
    head(specification) {
      if (specification.kind === "language-model") return languageModelHead(config);
      const { per, outputs } = specification;
      // The `summary_` fields are of other heads.
      const options = { outputs, ...tokenHeadOptions(config) };
      return per === "example"
        ? denseHead({ architecture: "ElectraForSequenceClassification", activation: gelu, ...options })
        : tokenHead({ architecture: "ElectraForTokenClassification", ...options });
    },
  };
}

function projectionStage({ embedding_size, hidden_size, initializer_range }: ElectraConfig): Stage {
  const sizes = [embedding_size, hidden_size] as const;
  return {
    name: "electra.embeddings_project",
    parameters: linearParameters("project", "electra.embeddings_project", sizes, { deviation: initializer_range }),
    block: (context) => context.linear("project", context.hidden()),
  };
}

function languageModelHead(config: ElectraConfig): Head {
  return maskedLmHead({
    architecture: "ElectraForMaskedLM",
    stage: "generator_lm_head",
    names: {
      transform: "generator_predictions.dense",
      LayerNorm: "generator_predictions.LayerNorm",
      bias: "generator_lm_head.bias",
      wordEmbeddings: "electra.embeddings.word_embeddings",
      decoder: "generator_lm_head",
    },
    isTied: config.tie_word_embeddings,
    hidden: config.hidden_size,
    embedding: config.embedding_size,
    vocabulary: config.vocab_size,
    deviation: config.initializer_range,
    activation: "gelu",
    epsilon: config.layer_norm_eps,
  });
}
