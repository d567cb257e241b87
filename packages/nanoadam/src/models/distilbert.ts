/** DistilBERT (Sanh et al. 2019): no token types, no pooler, half the layers, and names of its own. */
import { relu, type TensorData } from "@nanoadam/engine";
import { type DistilbertConfig, parseDistilbertConfig } from "./config.js";
import {
  consecutivePositions,
  embeddings,
  encoderInputs,
  encoderInputTypes,
  encoderLayer,
  firstToken,
  linearLayer,
  maskedTokenLogits,
} from "./encoder.js";
import {
  embeddingParameter,
  type Head,
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
  const withoutTokenTypes = <T>(tensors: Map<string, T>): Map<string, T> => {
    tensors.delete("token_type_ids");
    return tensors;
  };
  return {
    architecture: head.kind === "masked-lm" ? "DistilBertForMaskedLM" : "DistilBertForSequenceClassification",
    basePrefix: "distilbert",
    vocabularySize: config.vocab_size,
    maximumLength: config.max_position_embeddings,
    parameters: [...encoderParameters(config), ...headParameters(config, head)],
    stages: [embeddingStage(config), ...layerStages(config), headStage(config, head)],
    tiedNames: head.kind === "masked-lm" ? ["vocab_projector.weight"] : [],
    inputTypes: (shape) => withoutTokenTypes(encoderInputTypes(shape)),
    inputs: (batch) => withoutTokenTypes<TensorData>(encoderInputs(batch, consecutivePositions(batch))),
  };
}

function layerNamesOf(layer: number) {
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
    ...Array.from({ length: config.n_layers }, (_, layer) => {
      const names = layerNamesOf(layer);
      return [
        ...linearParameters(names.query, dim, dim, deviation),
        ...linearParameters(names.key, dim, dim, deviation),
        ...linearParameters(names.value, dim, dim, deviation),
        ...linearParameters(names.attentionOutput, dim, dim, deviation),
        ...normalisationParameters(names.attentionNorm, dim),
        ...linearParameters(names.intermediate, dim, intermediate, deviation),
        ...linearParameters(names.output, intermediate, dim, deviation),
        ...normalisationParameters(names.outputNorm, dim),
      ];
    }).flat(),
  ];
}

function headParameters(config: DistilbertConfig, head: Head): ParameterSpecification[] {
  const { dim, initializer_range: deviation } = config;
  if (head.kind === "masked-lm") {
    return [
      ...linearParameters("vocab_transform", dim, dim, deviation, true),
      ...normalisationParameters("vocab_layer_norm", dim),
      {
        name: "vocab_projector.bias",
        shape: [config.vocab_size],
        role: "head",
        initialisation: { kind: "constant", value: 0 },
      },
    ];
  }
  return [
    ...linearParameters("pre_classifier", dim, dim, deviation, true),
    ...linearParameters("classifier", dim, head.labels, deviation, true),
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

function headStage(config: DistilbertConfig, head: Head): Stage {
  if (head.kind === "masked-lm") {
    return {
      name: "vocab_projector",
      kind: "head",
      parameters: new Map([
        ...layerNames({ transform: "vocab_transform", LayerNorm: "vocab_layer_norm" }),
        ["bias", "vocab_projector.bias"],
        ["word_embeddings.weight", "distilbert.embeddings.word_embeddings.weight"],
      ]),
      build: (context) => maskedTokenLogits(context, config.activation, epsilon),
    };
  }
  return {
    name: "classifier",
    kind: "head",
    parameters: layerNames({ pre_classifier: "pre_classifier", classifier: "classifier" }),
    build(context) {
      const hidden = relu(linearLayer(context, "pre_classifier", firstToken(context)));
      return linearLayer(context, "classifier", context.dropout(hidden, config.seq_classif_dropout));
    },
  };
}
