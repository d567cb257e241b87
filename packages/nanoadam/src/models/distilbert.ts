/** DistilBERT (Sanh et al. 2019): no token types, no pooler, half the layers, and names of its own. */
import { relu, type TensorData } from "@nanoadam/engine";
import { type DistilbertConfig, parseDistilbertConfig } from "./config.js";
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

const epsilon = 1e-12;

/** DistilBERT with a classification, regression or masked-LM head. */
export function distilbert(rawConfig: Readonly<Record<string, unknown>>, head: Head): Model {
  const config = parseDistilbertConfig(rawConfig);
  const headParts = head.kind === "masked-lm" ? maskedLm(config) : classificationHead(config, head.labels);
  const positions = consecutivePositions();
  const withoutTokenTypes = <T>(tensors: Map<string, T>): Map<string, T> => {
    tensors.delete("token_type_ids");
    return tensors;
  };
  return {
    architecture: head.kind === "masked-lm" ? "DistilBertForMaskedLM" : "DistilBertForSequenceClassification",
    basePrefix: "distilbert",
    head,
    vocabularySize: config.vocab_size,
    maximumLength: config.max_position_embeddings,
    parameters: [...encoderParameters(config), ...headParts.parameters],
    stages: [embeddingStage(config), ...layerStages(config), headParts.stage],
    tiedNames: head.kind === "masked-lm" ? ["vocab_projector.weight"] : [],
    inputTypes: (shape) => withoutTokenTypes(encoderInputTypes(shape)),
    inputs: (batch) => withoutTokenTypes<TensorData>(encoderInputs(batch, positions(batch))),
  };
}

function layerNamesOf(layer: number): EncoderLayerNames {
  const base = `distilbert.transformer.layer.${layer}`;
  return {
    query: `${base}.attention.q_lin`,
    key: `${base}.attention.k_lin`,
    value: `${base}.attention.v_lin`,
    attentionOutput: `${base}.attention.out_lin`,
    attentionNorm: `${base}.sa_layer_norm`,
    intermediate: `${base}.ffn.lin1`,
    output: `${base}.ffn.lin2`,
    outputNorm: `${base}.output_layer_norm`,
  };
}

function encoderParameters(config: DistilbertConfig): ParameterSpecification[] {
  const { dim, hidden_dim: intermediate, initializer_range: deviation } = config;
  const table = (name: string, rows: number) =>
    embeddingParameter(`distilbert.embeddings.${name}`, rows, dim, deviation);
  return [
    table("word_embeddings", config.vocab_size),
    table("position_embeddings", config.max_position_embeddings),
    ...normalisationParameters("distilbert.embeddings.LayerNorm", dim),
    ...Array.from({ length: config.n_layers }, (_, layer) =>
      encoderLayerParameters(layerNamesOf(layer), dim, intermediate, deviation),
    ).flat(),
  ];
}

function embeddingStage(config: DistilbertConfig): Stage {
  return {
    name: "distilbert.embeddings",
    kind: "embeddings",
    parameters: new Map([
      ["word_embeddings.weight", "distilbert.embeddings.word_embeddings.weight"],
      ["position_embeddings.weight", "distilbert.embeddings.position_embeddings.weight"],
      ...layerNames({ LayerNorm: "distilbert.embeddings.LayerNorm" }),
    ]),
    build: (context) =>
      embeddings(
        context,
        { word_embeddings: "input_ids", position_embeddings: "position_ids" },
        epsilon,
        config.dropout,
      ),
  };
}

function layerStages(config: DistilbertConfig): Stage[] {
  return Array.from({ length: config.n_layers }, (_, layer) => ({
    name: `distilbert.transformer.layer.${layer}`,
    kind: "layer",
    parameters: layerNames(layerNamesOf(layer)),
    build: (context) =>
      encoderLayer(context, {
        heads: config.n_heads,
        hiddenSize: config.dim,
        epsilon,
        activation: config.activation,
        attentionDropout: config.attention_dropout,
        attentionOutputDropout: 0,
        outputDropout: config.dropout,
      }),
  }));
}

function classificationHead(config: DistilbertConfig, labels: number): HeadParts {
  const { dim, initializer_range: deviation } = config;
  return {
    parameters: [
      ...linearParameters("pre_classifier", dim, dim, deviation, true),
      ...linearParameters("classifier", dim, labels, deviation, true),
    ],
    stage: {
      name: "classifier",
      kind: "head",
      parameters: layerNames({ pre_classifier: "pre_classifier", classifier: "classifier" }),
      build(context) {
        const hidden = relu(linearLayer(context, "pre_classifier", firstToken(context)));
        return linearLayer(context, "classifier", context.dropout(hidden, config.seq_classif_dropout));
      },
    },
  };
}

function maskedLm(config: DistilbertConfig): HeadParts {
  return maskedLmHead({
    stage: "vocab_projector",
    names: {
      transform: "vocab_transform",
      LayerNorm: "vocab_layer_norm",
      bias: "vocab_projector.bias",
      wordEmbeddings: "distilbert.embeddings.word_embeddings.weight",
    },
    hiddenSize: config.dim,
    vocabularySize: config.vocab_size,
    deviation: config.initializer_range,
    activation: config.activation,
    epsilon,
  });
}
