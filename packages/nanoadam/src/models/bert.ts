/** BERT (Devlin et al. 2018) as in Hugging Face's modeling_bert: names, order of operations, places of dropout. */
import { tanh } from "@nanoadam/engine";
import { type EncoderConfig, encoderConfig, parseEncoderConfig, type RawConfig } from "./config.js";
import { type EncoderLayerNames, encoderLayer, encoderLayerParameters, withConsecutivePositions } from "./encoder.js";
import { consecutivePositions } from "./graph-batch.js";
import { embeddings, firstToken } from "./layers.js";
import { maskedLmHead } from "./masked-lm-head.js";
import type { Backbone, Head, Stage } from "./model.js";
import { embeddingParameters, linearParameters, normalisationParameters } from "./parameters.js";
import { tokenHead } from "./token-head.js";

export function bert(rawConfig: RawConfig): Backbone {
  const config = parseEncoderConfig(encoderConfig, rawConfig);
  return {
    name: "bert",
    input: { kind: "text", vocabularySize: config.vocab_size, maximumLength: config.max_position_embeddings },
    stages: encoderStages("bert", config),
    adapterTargets: ["query", "value"],
    extend: withConsecutivePositions,
    extendGraph: consecutivePositions,
    head(specification) {
      if (specification.kind === "language-model") return languageModelHead(config);
      const { per, outputs } = specification;
      if (per === "example") return classificationHead(config, outputs);
      return tokenHead({ architecture: "BertForTokenClassification", outputs, ...tokenHeadOptions(config) });
    },
  };
}

/** What a head of single positions takes from a configuration like BERT's. */
export function tokenHeadOptions(config: EncoderConfig) {
  return { hidden: config.hidden_size, deviation: config.initializer_range, dropout: classifierDropout(config) };
}

/** The dropout rate of a classifier: its own, else that of hidden states. */
export function classifierDropout(config: EncoderConfig): number {
  return config.classifier_dropout ?? config.hidden_dropout_prob;
}

/** The embeddings and layers under `prefix`, as BERT and RoBERTa name them. */
export function encoderStages(prefix: string, config: EncoderConfig): Stage[] {
  return [embeddingStage(prefix, config, config.hidden_size), ...encoderLayerStages(prefix, config)];
}

/** The embeddings under `prefix`, of so many columns, as BERT, RoBERTa and ELECTRA name them. */
export function embeddingStage(prefix: string, config: EncoderConfig, columns: number): Stage {
  const { initializer_range: deviation, layer_norm_eps: epsilon } = config;
  const table = (name: string, rows: number) =>
    embeddingParameters(name, `${prefix}.embeddings.${name}`, [rows, columns], deviation);
  return {
    name: `${prefix}.embeddings`,
    parameters: {
      ...table("word_embeddings", config.vocab_size),
      ...table("position_embeddings", config.max_position_embeddings),
      ...table("token_type_embeddings", config.type_vocab_size),
      ...normalisationParameters("LayerNorm", `${prefix}.embeddings.LayerNorm`, columns),
    },
    block: embeddings(
      {
        word_embeddings: "input_ids",
        position_embeddings: "position_ids",
        token_type_embeddings: "token_type_ids",
      },
      { epsilon, dropout: config.hidden_dropout_prob },
    ),
  };
}

/** The names of the parts of the layer `name`; `suffix` ends those of its projections. */
export function encoderLayerNames(name: string, suffix = ""): EncoderLayerNames {
  return {
    query: `${name}.attention.self.query${suffix}`,
    key: `${name}.attention.self.key${suffix}`,
    value: `${name}.attention.self.value${suffix}`,
    attentionOutput: `${name}.attention.output.dense`,
    attentionNorm: `${name}.attention.output.LayerNorm`,
    intermediate: `${name}.intermediate.dense`,
    output: `${name}.output.dense`,
    outputNorm: `${name}.output.LayerNorm`,
  };
}

/** The transformer layers under `prefix`, as BERT, RoBERTa and ELECTRA name them. */
export function encoderLayerStages(prefix: string, config: EncoderConfig): Stage[] {
  const block = encoderLayer({
    heads: config.num_attention_heads,
    epsilon: config.layer_norm_eps,
    activation: config.hidden_act,
    attentionDropout: config.attention_probs_dropout_prob,
    attentionOutputDropout: config.hidden_dropout_prob,
    outputDropout: config.hidden_dropout_prob,
  });
  return Array.from({ length: config.num_hidden_layers }, (_, layer): Stage => {
    const name = `${prefix}.encoder.layer.${layer}`;
    const parameters = encoderLayerParameters(encoderLayerNames(name), {
      hidden: config.hidden_size,
      intermediate: config.intermediate_size,
      deviation: config.initializer_range,
    });
    return { name, block, parameters };
  });
}

function classificationHead(config: EncoderConfig, outputs: number): Head {
  const { hidden_size: hidden, initializer_range: deviation } = config;
  return {
    architecture: "BertForSequenceClassification",
    pool: firstToken,
    stage: {
      name: "classifier",
      parameters: {
        ...linearParameters("pooler", "bert.pooler.dense", [hidden, hidden], { deviation }),
        ...linearParameters("classifier", "classifier", [hidden, outputs], { deviation, isHead: true }),
      },
      block(context) {
        const pooled = tanh(context.linear("pooler", context.hidden()));
        return context.linear("classifier", context.dropout(pooled, classifierDropout(config)));
      },
    },
  };
}

function languageModelHead(config: EncoderConfig): Head {
  return maskedLmHead({
    architecture: "BertForMaskedLM",
    stage: "cls.predictions",
    names: {
      transform: "cls.predictions.transform.dense",
      LayerNorm: "cls.predictions.transform.LayerNorm",
      bias: "cls.predictions.bias",
      wordEmbeddings: "bert.embeddings.word_embeddings",
      decoder: "cls.predictions.decoder",
    },
    isTied: config.tie_word_embeddings,
    hidden: config.hidden_size,
    vocabulary: config.vocab_size,
    deviation: config.initializer_range,
    activation: config.hidden_act,
    epsilon: config.layer_norm_eps,
  });
}
