/** RoBERTa (Liu et al. 2019): BERT's encoder, positions that skip padding, and heads of its own. */
import { tanh } from "@nanoadam/engine";
import { encoderParameters, encoderStages } from "./bert.js";
import { type EncoderConfig, parseEncoderConfig } from "./config.js";
import { encoderInputs, encoderInputTypes, firstToken, linearLayer } from "./encoder.js";
import { maskedLmHead } from "./masked-lm-head.js";
import { type Head, type HeadParts, layerNames, linearParameters, type Model, type TokenBatch } from "./model.js";

/** RoBERTa with a classification, regression or masked-LM head. */
export function roberta(rawConfig: Readonly<Record<string, unknown>>, head: Head): Model {
  const config = parseEncoderConfig({ type_vocab_size: 1, layer_norm_eps: 1e-5, ...rawConfig });
  const padding = config.pad_token_id ?? 1;

  const headParts = head.kind === "masked-lm" ? maskedLm(config) : classificationHead(config, head.labels);
  return {
    architecture: head.kind === "masked-lm" ? "RobertaForMaskedLM" : "RobertaForSequenceClassification",
    basePrefix: "roberta",
    head,
    vocabularySize: config.vocab_size,
    maximumLength: config.max_position_embeddings - padding - 1,
    parameters: [...encoderParameters("roberta", config), ...headParts.parameters],
    stages: [...encoderStages("roberta", config), headParts.stage],
    tiedNames: head.kind === "masked-lm" ? ["lm_head.decoder.weight", "lm_head.decoder.bias"] : [],
    inputTypes: encoderInputTypes,
    inputs: (batch) => encoderInputs(batch, positionsAfterPadding(batch, padding)),
  };
}

function classificationHead(config: EncoderConfig, labels: number): HeadParts {
  const { hidden_size: hidden, initializer_range: deviation } = config;
  return {
    parameters: [
      ...linearParameters("classifier.dense", hidden, hidden, deviation, true),
      ...linearParameters("classifier.out_proj", hidden, labels, deviation, true),
    ],
    stage: {
      name: "classifier",
      kind: "head",
      parameters: layerNames({ dense: "classifier.dense", out_proj: "classifier.out_proj" }),
      build(context) {
        const rate = config.classifier_dropout ?? config.hidden_dropout_prob;
        const first = context.dropout(firstToken(context), rate);
        return linearLayer(context, "out_proj", context.dropout(tanh(linearLayer(context, "dense", first)), rate));
      },
    },
  };
}

function maskedLm(config: EncoderConfig): HeadParts {
  return maskedLmHead({
    stage: "lm_head",
    names: {
      transform: "lm_head.dense",
      LayerNorm: "lm_head.layer_norm",
      bias: "lm_head.bias",
      wordEmbeddings: "roberta.embeddings.word_embeddings.weight",
    },
    hiddenSize: config.hidden_size,
    vocabularySize: config.vocab_size,
    deviation: config.initializer_range,
    activation: "gelu",
    epsilon: config.layer_norm_eps,
  });
}

/** Tokens count up from padding + 1; padding itself has the position `padding`. */
function positionsAfterPadding({ batchSize, length, inputIds }: TokenBatch, padding: number): Int32Array {
  const positions = new Int32Array(batchSize * length);
  for (let row = 0; row < batchSize; row++) {
    let next = padding;
    for (let token = row * length; token < (row + 1) * length; token++) {
      positions[token] = inputIds[token] === padding ? padding : ++next;
    }
  }
  return positions;
}
