/**
 * DeBERTa-v2 and v3 (He et al. 2020, 2021): BERT's layers with disentangled attention. A score is the sum of three products:
 * content with content, content with the relative position of the other token, and the other way round. Distances beyond half
 * the buckets share them by the logarithm.
 */
import { add, matmul, reshape, slice, softmax, takeAlongLast, transpose, type Value } from "@nanoadam/engine";
import { z } from "zod";
import { InputError, shown } from "../errors.js";
import { paddingBias } from "./attention.js";
import { encoderLayerNames } from "./bert.js";
import { activation, encoderConfig, parseEncoderConfig, type RawConfig, rate } from "./config.js";
import {
  reachedRows,
  relativePositions,
  relativeSpan,
  requireBuckets,
  withRelativePositions,
} from "./deberta-positions.js";
import { afterAttention, encoderLayerParameters, withConsecutivePositions } from "./encoder.js";
import { consecutivePositions } from "./graph-batch.js";
import { activations, embeddings, firstToken, normalise, textShape } from "./layers.js";
import { maskedLmHead } from "./masked-lm-head.js";
import type { Backbone, Block, Head, Stage, StageContext } from "./model.js";
import { embeddingParameters, linearParameters, normalisationParameters } from "./parameters.js";
import { tokenHead } from "./token-head.js";

const words = z
  .union([z.string(), z.array(z.string())])
  .transform((value) =>
    typeof value === "string" ? value.split("|").map((word) => word.trim().toLowerCase()) : value,
  );

const debertaConfig = encoderConfig.extend({
  type_vocab_size: z.number().int().min(0).default(0),
  layer_norm_eps: z.number().positive().default(1e-7),
  relative_attention: z.literal(true),
  max_relative_positions: z.number().int().default(-1),
  position_buckets: z.number().int().default(-1),
  position_biased_input: z.boolean().default(true),
  pos_att_type: words.pipe(z.array(z.enum(["c2p", "p2c"])).min(1)),
  share_att_key: z.boolean().default(false),
  norm_rel_ebd: words.pipe(z.array(z.enum(["none", "layer_norm"]))).default(["none"]),
  pooler_dropout: rate.default(0),
  pooler_hidden_act: activation,
  cls_dropout: rate.nullish(),
  /** Other names of the head over the vocabulary. */
  legacy: z.boolean().default(true),
  /** A convolution beside the first layer, as the xlarge models have it, would be another stage. */
  conv_kernel_size: z.literal(0).nullish(),
});

type DebertaConfig = z.output<typeof debertaConfig>;

export function debertaV2(rawConfig: RawConfig): Backbone {
  const config = parseEncoderConfig(debertaConfig, rawConfig);
  requireSame(rawConfig, "embedding_size", config.hidden_size);
  requireSame(rawConfig, "pooler_hidden_size", config.hidden_size);
  requireSame(rawConfig, "attention_head_size", config.hidden_size / config.num_attention_heads);
  requireBuckets(config);
  return {
    name: "deberta",
    input: { kind: "text", vocabularySize: config.vocab_size, maximumLength: config.max_position_embeddings },
    stages: [embeddingStage(config), ...layerStages(config)],
    adapterTargets: ["query_proj", "value_proj"],
    extend: (batch) =>
      withRelativePositions(config.position_biased_input ? withConsecutivePositions(batch) : batch, config),
    extendGraph: (batch) =>
      relativePositions(config.position_biased_input ? consecutivePositions(batch) : batch, config),
    head(specification) {
      if (specification.kind === "language-model") return languageModelHead(config);
      const { per, outputs } = specification;
      if (per === "example") return classificationHead(config, outputs);
      return tokenHead({
        architecture: "DebertaV2ForTokenClassification",
        outputs,
        hidden: config.hidden_size,
        deviation: config.initializer_range,
        dropout: config.hidden_dropout_prob,
      });
    },
  };
}

function requireSame(config: RawConfig, field: string, expected: number): void {
  const found = config[field];
  if (found === undefined || found === null || found === expected) return;
  throw new InputError(`config.json: ${field} is ${shown(found)}, expected ${expected} or none`);
}

function embeddingStage(config: DebertaConfig): Stage {
  const { hidden_size: hidden, initializer_range: deviation, layer_norm_eps: epsilon } = config;
  const table = (name: string, rows: number) =>
    embeddingParameters(name, `deberta.embeddings.${name}`, [rows, hidden], deviation);
  const { position_biased_input: hasPositions, type_vocab_size: types } = config;
  return {
    name: "deberta.embeddings",
    parameters: {
      ...table("word_embeddings", config.vocab_size),
      ...(hasPositions ? table("position_embeddings", config.max_position_embeddings) : {}),
      ...(types > 0 ? table("token_type_embeddings", types) : {}),
      ...normalisationParameters("LayerNorm", "deberta.embeddings.LayerNorm", hidden),
    },
    block: embeddings(
      {
        word_embeddings: "input_ids",
        ...(hasPositions ? { position_embeddings: "position_ids" } : {}),
        ...(types > 0 ? { token_type_embeddings: "token_type_ids" } : {}),
      },
      { epsilon, dropout: config.hidden_dropout_prob },
    ),
  };
}

function layerStages(config: DebertaConfig): Stage[] {
  const { hidden_size: hidden, initializer_range: deviation } = config;
  const block = layerBlock(config);
  const normalisesPositions = config.norm_rel_ebd.includes("layer_norm");
  // All layers have one table of relative positions.
  const relative = {
    ...embeddingParameters(
      "rel_embeddings",
      "deberta.encoder.rel_embeddings",
      [2 * relativeSpan(config), hidden],
      deviation,
    ),
    ...(normalisesPositions ? normalisationParameters("rel_norm", "deberta.encoder.LayerNorm", hidden) : {}),
  };
  return Array.from({ length: config.num_hidden_layers }, (_, layer): Stage => {
    const name = `deberta.encoder.layer.${layer}`;
    const own = (local: string) =>
      linearParameters(local, `${name}.attention.self.${local}`, [hidden, hidden], { deviation });
    return {
      name,
      block,
      parameters: {
        ...encoderLayerParameters(encoderLayerNames(name, "_proj"), {
          hidden,
          intermediate: config.intermediate_size,
          deviation,
        }),
        ...(!config.share_att_key && config.pos_att_type.includes("c2p") ? own("pos_key_proj") : {}),
        ...(!config.share_att_key && config.pos_att_type.includes("p2c") ? own("pos_query_proj") : {}),
        ...relative,
      },
    };
  });
}

function layerBlock(config: DebertaConfig): Block {
  const { num_attention_heads: heads, hidden_dropout_prob: hiddenDropout, layer_norm_eps: epsilon } = config;
  const hasContentToPosition = config.pos_att_type.includes("c2p");
  const hasPositionToContent = config.pos_att_type.includes("p2c");
  const products = 1 + Number(hasContentToPosition) + Number(hasPositionToContent);
  return (context) => {
    const [texts, length] = textShape(context);
    const x = context.hidden();
    const [first, end] = reachedRows(length, config);
    const table = slice(context.parameter("rel_embeddings.weight"), 0, first, end);
    const positions = context.dropout(
      config.norm_rel_ebd.includes("layer_norm") ? normalise(context, "rel_norm", table, { epsilon }) : table,
      hiddenDropout,
    );
    const [query, key, value] = ["query", "key", "value"].map((name) => byHead(context.linear(name, x), heads)) as [
      Value,
      Value,
      Value,
    ];
    const scale = 1 / Math.sqrt((query.type.shape[2] ?? 1) * products);
    const perText = (y: Value): Value => reshape(y, [heads, texts, length, y.type.shape[2] ?? 0]);
    const rows = context.input("relative_positions");
    /** Products with the positions [heads, texts, length, length]: of each row those that `indices` name. */
    const relative = (content: Value, layer: string, indices: Value): Value =>
      takeAlongLast(
        perText(matmul(content, byHead(context.linear(layer, positions), heads), { transposeB: true, scale })),
        indices,
      );
    let scores = matmul(perText(query), perText(key), { transposeB: true, scale });
    if (hasContentToPosition) {
      scores = add(scores, relative(query, config.share_att_key ? "key" : "pos_key_proj", rows));
    }
    if (hasPositionToContent) {
      const columns = relative(key, config.share_att_key ? "query" : "pos_query_proj", transpose(rows, [1, 0]));
      scores = add(scores, transpose(columns, [0, 1, 3, 2]));
    }
    const bias = reshape(paddingBias(context), [1, texts, 1, length]);
    const probabilities = context.dropout(softmax(add(scores, bias)), config.attention_probs_dropout_prob);
    const mixed = matmul(probabilities, perText(value));
    return afterAttention(context, reshape(transpose(mixed, [1, 2, 0, 3]), x.type.shape), {
      heads,
      epsilon,
      activation: config.hidden_act,
      attentionDropout: config.attention_probs_dropout_prob,
      attentionOutputDropout: hiddenDropout,
      outputDropout: hiddenDropout,
    });
  };
}

/** x [rows, hidden] as [heads, rows, hidden / heads]. */
function byHead(x: Value, heads: number): Value {
  const [rows = 0, hidden = 0] = x.type.shape;
  return transpose(reshape(x, [rows, heads, hidden / heads]), [1, 0, 2]);
}

function classificationHead(config: DebertaConfig, outputs: number): Head {
  const { hidden_size: hidden, initializer_range: deviation } = config;
  return {
    architecture: "DebertaV2ForSequenceClassification",
    pool: firstToken,
    stage: {
      name: "classifier",
      parameters: {
        ...linearParameters("pooler", "pooler.dense", [hidden, hidden], { deviation, isHead: true }),
        ...linearParameters("classifier", "classifier", [hidden, outputs], { deviation, isHead: true }),
      },
      block(context: StageContext) {
        const first = context.dropout(context.hidden(), config.pooler_dropout);
        const dense = activations[config.pooler_hidden_act](context.linear("pooler", first));
        return context.linear("classifier", context.dropout(dense, config.cls_dropout ?? config.hidden_dropout_prob));
      },
    },
  };
}

function languageModelHead(config: DebertaConfig): Head {
  const stage = config.legacy ? "cls.predictions" : "lm_predictions.lm_head";
  const transform = config.legacy ? `${stage}.transform` : stage;
  return maskedLmHead({
    architecture: "DebertaV2ForMaskedLM",
    stage,
    names: {
      transform: `${transform}.dense`,
      LayerNorm: `${transform}.LayerNorm`,
      bias: `${stage}.bias`,
      wordEmbeddings: "deberta.embeddings.word_embeddings",
      ...(config.legacy ? { decoder: `${stage}.decoder` } : {}),
    },
    isTied: config.tie_word_embeddings,
    hidden: config.hidden_size,
    vocabulary: config.vocab_size,
    deviation: config.initializer_range,
    activation: config.hidden_act,
    epsilon: config.layer_norm_eps,
  });
}
