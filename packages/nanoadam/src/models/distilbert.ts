/** DistilBERT (Sanh et al. 2019): no token types, no pooler, half the layers, and names of its own. */
import { relu } from "@nanoadam/engine";
import { z } from "zod";
import { activation, depth, deviation, parseConfig, type RawConfig, rate, requireDivision, size } from "./config.js";
import { encoderLayer, encoderLayerParameters, withConsecutivePositions } from "./encoder.js";
import { consecutivePositions } from "./graph-batch.js";
import { embeddings, firstToken } from "./layers.js";
import { maskedLmHead } from "./masked-lm-head.js";
import type { Backbone, Head, Stage } from "./model.js";
import { embeddingParameters, linearParameters, normalisationParameters } from "./parameters.js";
import { tokenHead } from "./token-head.js";

const epsilon = 1e-12;

const distilbertConfig = z.object({
  dim: size,
  n_layers: depth,
  n_heads: size,
  hidden_dim: size,
  vocab_size: size,
  max_position_embeddings: size,
  activation,
  dropout: rate.default(0.1),
  attention_dropout: rate.default(0.1),
  seq_classif_dropout: rate.default(0.2),
  initializer_range: deviation,
  tie_word_embeddings: z.boolean().default(true),
});

type DistilbertConfig = z.output<typeof distilbertConfig>;

export function distilbert(rawConfig: RawConfig): Backbone {
  const config = parseConfig(distilbertConfig, rawConfig);
  requireDivision("dim", config.dim, "n_heads", config.n_heads);
  return {
    name: "distilbert",
    input: { kind: "text", vocabularySize: config.vocab_size, maximumLength: config.max_position_embeddings },
    stages: [embeddingStage(config), ...layerStages(config)],
    adapterTargets: ["q_lin", "v_lin"],
    extend: withConsecutivePositions,
    extendGraph: consecutivePositions,
    head(specification) {
      if (specification.kind === "language-model") return languageModelHead(config);
      const { per, outputs } = specification;
      if (per === "example") return classificationHead(config, outputs);
      return tokenHead({
        architecture: "DistilBertForTokenClassification",
        outputs,
        hidden: config.dim,
        deviation: config.initializer_range,
        dropout: config.dropout,
      });
    },
  };
}

function embeddingStage(config: DistilbertConfig): Stage {
  const { dim, initializer_range: deviation } = config;
  const table = (name: string, rows: number) =>
    embeddingParameters(name, `distilbert.embeddings.${name}`, [rows, dim], deviation);
  return {
    name: "distilbert.embeddings",
    parameters: {
      ...table("word_embeddings", config.vocab_size),
      ...table("position_embeddings", config.max_position_embeddings),
      ...normalisationParameters("LayerNorm", "distilbert.embeddings.LayerNorm", dim),
    },
    block: embeddings(
      { word_embeddings: "input_ids", position_embeddings: "position_ids" },
      { epsilon, dropout: config.dropout },
    ),
  };
}

function layerStages(config: DistilbertConfig): Stage[] {
  const block = encoderLayer({
    heads: config.n_heads,
    epsilon,
    activation: config.activation,
    attentionDropout: config.attention_dropout,
    attentionOutputDropout: 0,
    outputDropout: config.dropout,
  });
  return Array.from({ length: config.n_layers }, (_, layer): Stage => {
    const name = `distilbert.transformer.layer.${layer}`;
    const parameters = encoderLayerParameters(
      {
        query: `${name}.attention.q_lin`,
        key: `${name}.attention.k_lin`,
        value: `${name}.attention.v_lin`,
        attentionOutput: `${name}.attention.out_lin`,
        attentionNorm: `${name}.sa_layer_norm`,
        intermediate: `${name}.ffn.lin1`,
        output: `${name}.ffn.lin2`,
        outputNorm: `${name}.output_layer_norm`,
      },
      { hidden: config.dim, intermediate: config.hidden_dim, deviation: config.initializer_range },
    );
    return { name, block, parameters };
  });
}

function classificationHead(config: DistilbertConfig, outputs: number): Head {
  const { dim, initializer_range: deviation } = config;
  return {
    architecture: "DistilBertForSequenceClassification",
    pool: firstToken,
    stage: {
      name: "classifier",
      parameters: {
        ...linearParameters("pre_classifier", "pre_classifier", [dim, dim], { deviation, isHead: true }),
        ...linearParameters("classifier", "classifier", [dim, outputs], { deviation, isHead: true }),
      },
      block(context) {
        const hidden = relu(context.linear("pre_classifier", context.hidden()));
        return context.linear("classifier", context.dropout(hidden, config.seq_classif_dropout));
      },
    },
  };
}

function languageModelHead(config: DistilbertConfig): Head {
  return maskedLmHead({
    architecture: "DistilBertForMaskedLM",
    stage: "vocab_projector",
    names: {
      transform: "vocab_transform",
      LayerNorm: "vocab_layer_norm",
      bias: "vocab_projector.bias",
      wordEmbeddings: "distilbert.embeddings.word_embeddings",
      decoder: "vocab_projector",
    },
    isTied: config.tie_word_embeddings,
    hidden: config.dim,
    vocabulary: config.vocab_size,
    deviation: config.initializer_range,
    activation: config.activation,
    epsilon,
  });
}
