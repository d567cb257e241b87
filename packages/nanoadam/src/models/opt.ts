/** OPT (Zhang et al. 2022): learned positions, layer normalisation before each part (or after it), and ReLU. */
import { add, multiply, shift, toInt32, type Value } from "@nanoadam/engine";
import { z } from "zod";
import { type Batch, extendBatch, tensorOf } from "../data/batch.js";
import { attend, paddingBias, splitHeads } from "./attention.js";
import { activationName, deviation, parseConfig, type RawConfig, rate, requireDivision, size } from "./config.js";
import { decoderHead } from "./decoder-heads.js";
import { isFirstOfText, newTokens, reachBias, withLastTokens } from "./decoder-inputs.js";
import { maskOfTokens, reachBiasInGraph, tokensBefore, withLastTokensInGraph } from "./decoder-inputs-in-graph.js";
import { type GraphBatch, withValues } from "./graph-batch.js";
import { activations, normalise } from "./layers.js";
import type { Backbone, Block, Stage } from "./model.js";
import { embeddingParameters, type LocalParameters, linearParameters, normalisationParameters } from "./parameters.js";

const optConfig = z.object({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  ffn_dim: size,
  max_position_embeddings: size.default(2048),
  do_layer_norm_before: z.boolean().default(true),
  /** Set in checkpoints that were trained without the last normalisation. */
  _remove_final_layer_norm: z.boolean().default(false),
  word_embed_proj_dim: size.nullish(),
  dropout: rate.default(0.1),
  attention_dropout: rate.default(0),
  activation_function: activationName.default("relu"),
  init_std: deviation,
  enable_bias: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(true),
  /** Normalisations without weights, and layers left out at random, would need other layers. */
  layer_norm_elementwise_affine: z.literal(true).default(true),
  layerdrop: z.literal(0).default(0),
});

type OptConfig = z.output<typeof optConfig>;

const epsilon = 1e-5;
/** Rows of the table before that of the first position; padding has the last of them. */
const positionOffset = 2;

export function opt(rawConfig: RawConfig): Backbone {
  const config = parseConfig(optConfig, rawConfig);
  requireDivision("hidden_size", config.hidden_size, "num_attention_heads", config.num_attention_heads);
  const width = config.word_embed_proj_dim ?? config.hidden_size;
  const embedding = embeddingParameters(
    "embed_tokens",
    "model.decoder.embed_tokens",
    [config.vocab_size, width],
    config.init_std,
  );
  return {
    name: "model",
    input: { kind: "text", vocabularySize: config.vocab_size, maximumLength: config.max_position_embeddings },
    predicts: "next",
    stages: [embeddingStage(config, embedding, width), ...layerStages(config), ...finalStages(config, width)],
    adapterTargets: ["q_proj", "v_proj"],
    extend: withPositions,
    extendGraph: positionsInGraph,
    head: (specification) =>
      decoderHead(specification, {
        classNames: { languageModel: "OPTForCausalLM", texts: "OPTForSequenceClassification" },
        width,
        vocabulary: config.vocab_size,
        deviation: config.init_std,
        isTied: config.tie_word_embeddings,
        embedding,
      }),
  };
}

function embeddingStage(config: OptConfig, embedding: LocalParameters, width: number): Stage {
  const { hidden_size: hidden, init_std: deviation, max_position_embeddings: positions } = config;
  const table = [positions + positionOffset, hidden] as const;
  const isNarrow = width !== hidden;
  return {
    name: "model.decoder.embed_tokens",
    parameters: {
      ...embedding,
      ...embeddingParameters("embed_positions", "model.decoder.embed_positions", table, deviation),
      ...(isNarrow ? projection("project_in", [width, hidden], deviation) : {}),
    },
    block(context) {
      const rows = context.rows("embed_tokens.weight", "input_ids");
      const positions = context.rows("embed_positions.weight", "position_ids");
      return add(isNarrow ? context.linear("project_in", rows) : rows, positions);
    },
  };
}

/** Between embeddings of another width and the hidden state. */
function projection(local: string, sizes: readonly [number, number], deviation: number): LocalParameters {
  return linearParameters(local, `model.decoder.${local}`, sizes, { deviation, bias: false });
}

function layerStages(config: OptConfig): Stage[] {
  const { hidden_size: hidden, ffn_dim: intermediate, init_std: deviation, enable_bias: bias } = config;
  const block = layerBlock(config);
  return Array.from({ length: config.num_hidden_layers }, (_, layer): Stage => {
    const name = `model.decoder.layers.${layer}`;
    const attention = (local: string) =>
      linearParameters(local, `${name}.self_attn.${local}`, [hidden, hidden], { deviation, bias });
    const norm = (local: string) => normalisationParameters(local, `${name}.${local}`, hidden);
    return {
      name,
      block,
      parameters: {
        ...norm("self_attn_layer_norm"),
        ...attention("q_proj"),
        ...attention("k_proj"),
        ...attention("v_proj"),
        ...attention("out_proj"),
        ...norm("final_layer_norm"),
        ...linearParameters("fc1", `${name}.fc1`, [hidden, intermediate], { deviation, bias }),
        ...linearParameters("fc2", `${name}.fc2`, [intermediate, hidden], { deviation, bias }),
      },
    };
  });
}

function layerBlock(config: OptConfig): Block {
  const { num_attention_heads: heads, do_layer_norm_before: isBefore, dropout } = config;
  return (context) => {
    const norm = (local: string, x: Value) => normalise(context, local, x, { epsilon });
    /** x with what a part of the layer adds to it, normalised before that or after. */
    const withPart = (local: string, x: Value, part: (into: Value) => Value) => {
      const sum = add(x, context.dropout(part(isBefore ? norm(local, x) : x), dropout));
      return isBefore ? sum : norm(local, sum);
    };
    const attended = withPart("self_attn_layer_norm", context.hidden(), (into) => {
      const split = (local: string) => splitHeads(context, context.linear(local, into), heads);
      const bias = add(paddingBias(context), context.input("reach_bias"));
      const query = split("q_proj");
      const key = context.cached("key", split("k_proj"));
      const value = context.cached("value", split("v_proj"));
      return context.linear(
        "out_proj",
        attend(context, { query, key, value, bias, dropout: config.attention_dropout }),
      );
    });
    return withPart("final_layer_norm", attended, (into) =>
      context.linear("fc2", activations[config.activation_function](context.linear("fc1", into))),
    );
  };
}

/** What follows the layers, where anything does. */
function finalStages(config: OptConfig, width: number): Stage[] {
  const { hidden_size: hidden, init_std: deviation } = config;
  const isNormalised = config.do_layer_norm_before && !config._remove_final_layer_norm;
  const isNarrow = width !== hidden;
  if (!isNormalised && !isNarrow) return [];
  return [
    {
      name: "model.decoder.final_layer_norm",
      parameters: {
        ...(isNormalised ? normalisationParameters("norm", "model.decoder.final_layer_norm", hidden) : {}),
        ...(isNarrow ? projection("project_out", [hidden, width], deviation) : {}),
      },
      block(context) {
        const x = isNormalised ? normalise(context, "norm", context.hidden(), { epsilon }) : context.hidden();
        return isNarrow ? context.linear("project_out", x) : x;
      },
    },
  ];
}

/** The batch with `position_ids`, which count a text's tokens and skip padding, `reach_bias` and `last_tokens`. */
function withPositions(batch: Batch): Batch {
  const { data: mask, type } = tensorOf(batch, "attention_mask");
  const [, length = 1] = type.shape;
  const segments = batch.tensors.get("segment_ids")?.data;
  const positions = new Int32Array(mask.length).fill(positionOffset - 1);
  let next = positionOffset;
  for (let token = 0; token < mask.length; token++) {
    if (isFirstOfText(segments, token, length)) next = positionOffset;
    if (mask[token] === 1) positions[token] = next++;
  }
  const tensors = [
    ["position_ids", newTokens(batch, positions)],
    ["reach_bias", reachBias(batch)],
  ] as const;
  return withLastTokens(extendBatch(batch, tensors));
}

/** The same in a graph. */
function positionsInGraph(batch: GraphBatch): GraphBatch {
  const mask = maskOfTokens(batch);
  const positions = shift(multiply(mask, shift(tokensBefore(batch), 1)), positionOffset - 1);
  const added = { position_ids: toInt32(positions), reach_bias: reachBiasInGraph(batch) };
  return withLastTokensInGraph(withValues(batch, added));
}
