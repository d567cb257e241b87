/** BERT (Devlin et al. 2018) as in Hugging Face's modeling_bert: names, order of operations, places of dropout. */
import { tanh } from "@nanoadam/engine";
import { type EncoderConfig, parseEncoderConfig } from "./config.js";
import {
  consecutivePositions,
  type EncoderLayerNames,
  embeddings,
  encoderInputs,
  encoderInputTypes,
  encoderLayer,
  encoderLayerParameters,
  firstToken,
  linearLayer,
} from "./encoder.js";
import { maskedLmHead } from "./masked-lm-head.js";
import {
  embeddingParameter,
  type Head,
  type HeadParts,
  layerNames,
  linearParameters,
  type Model,
  normalisationParameters,
  type ParameterSpecification,
  type Stage,
} from "./model.js";

/** BERT with a classification, regression or masked-LM head. */
export function bert(rawConfig: Readonly<Record<string, unknown>>, head: Head): Model {
  const config = parseEncoderConfig(rawConfig);
  const headParts = head.kind === "masked-lm" ? maskedLm(config) : classificationHead(config, head.labels);
  const positions = consecutivePositions();
  return {
    architecture: head.kind === "masked-lm" ? "BertForMaskedLM" : "BertForSequenceClassification",
    basePrefix: "bert",
    head,
    vocabularySize: config.vocab_size,
    maximumLength: config.max_position_embeddings,
    parameters: [...encoderParameters("bert", config), ...headParts.parameters],
    stages: [...encoderStages("bert", config), headParts.stage],
    tiedNames: head.kind === "masked-lm" ? ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"] : [],
    inputTypes: encoderInputTypes,
    inputs: (batch) => encoderInputs(batch, positions(batch)),
  };
}

/** Embeddings and layers under `prefix`, as BERT and RoBERTa name them. */
export function encoderParameters(prefix: string, config: EncoderConfig): ParameterSpecification[] {
  const { hidden_size: hidden, intermediate_size: intermediate, initializer_range: deviation } = config;
  const table = (name: string, rows: number) =>
    embeddingParameter(`${prefix}.embeddings.${name}`, rows, hidden, deviation);
  return [
    table("word_embeddings", config.vocab_size),
    table("position_embeddings", config.max_position_embeddings),
    table("token_type_embeddings", config.type_vocab_size),
    ...normalisationParameters(`${prefix}.embeddings.LayerNorm`, hidden),
    ...Array.from({ length: config.num_hidden_layers }, (_, layer) =>
      encoderLayerParameters(encoderLayerNames(prefix, layer), hidden, intermediate, deviation),
    ).flat(),
  ];
}

function encoderLayerNames(prefix: string, layer: number): EncoderLayerNames {
  const base = `${prefix}.encoder.layer.${layer}`;
  return {
    query: `${base}.attention.self.query`,
    key: `${base}.attention.self.key`,
    value: `${base}.attention.self.value`,
    attentionOutput: `${base}.attention.output.dense`,
    attentionNorm: `${base}.attention.output.LayerNorm`,
    intermediate: `${base}.intermediate.dense`,
    output: `${base}.output.dense`,
    outputNorm: `${base}.output.LayerNorm`,
  };
}

/** The stages of the embeddings and layers under `prefix`. */
export function encoderStages(prefix: string, config: EncoderConfig): Stage[] {
  const tables = ["word_embeddings", "position_embeddings", "token_type_embeddings"];
  const embedding: Stage = {
    name: `${prefix}.embeddings`,
    kind: "embeddings",
    parameters: new Map([
      ...tables.map((table) => [`${table}.weight`, `${prefix}.embeddings.${table}.weight`] as const),
      ...layerNames({ LayerNorm: `${prefix}.embeddings.LayerNorm` }),
    ]),
    build: (context) =>
      embeddings(
        context,
        {
          word_embeddings: "input_ids",
          position_embeddings: "position_ids",
          token_type_embeddings: "token_type_ids",
        },
        config.layer_norm_eps,
        config.hidden_dropout_prob,
      ),
  };
  const layers = Array.from(
    { length: config.num_hidden_layers },
    (_, layer): Stage => ({
      name: `${prefix}.encoder.layer.${layer}`,
      kind: "layer",
      parameters: layerNames(encoderLayerNames(prefix, layer)),
      build: (context) =>
        encoderLayer(context, {
          heads: config.num_attention_heads,
          hiddenSize: config.hidden_size,
          epsilon: config.layer_norm_eps,
          activation: config.hidden_act,
          attentionDropout: config.attention_probs_dropout_prob,
          attentionOutputDropout: config.hidden_dropout_prob,
          outputDropout: config.hidden_dropout_prob,
        }),
    }),
  );
  return [embedding, ...layers];
}

function classificationHead(config: EncoderConfig, labels: number): HeadParts {
  const { hidden_size: hidden, initializer_range: deviation } = config;
  return {
    parameters: [
      ...linearParameters("bert.pooler.dense", hidden, hidden, deviation),
      ...linearParameters("classifier", hidden, labels, deviation, true),
    ],
    stage: {
      name: "classifier",
      kind: "head",
      parameters: layerNames({ pooler: "bert.pooler.dense", classifier: "classifier" }),
      build(context) {
        const pooled = tanh(linearLayer(context, "pooler", firstToken(context)));
        const rate = config.classifier_dropout ?? config.hidden_dropout_prob;
        return linearLayer(context, "classifier", context.dropout(pooled, rate));
      },
    },
  };
}

function maskedLm(config: EncoderConfig): HeadParts {
  return maskedLmHead({
    stage: "cls.predictions",
    names: {
      transform: "cls.predictions.transform.dense",
      LayerNorm: "cls.predictions.transform.LayerNorm",
      bias: "cls.predictions.bias",
      wordEmbeddings: "bert.embeddings.word_embeddings.weight",
    },
    hiddenSize: config.hidden_size,
    vocabularySize: config.vocab_size,
    deviation: config.initializer_range,
    activation: config.hidden_act,
    epsilon: config.layer_norm_eps,
  });
}
