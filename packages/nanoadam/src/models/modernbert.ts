/**
 * ModernBERT (Warner et al. 2024): pre-normalised layers with rotary positions and gated feed-forward parts. Some layers
 * attend to the whole text, the others to the tokens near by.
 */
import { add, linear, multiply, rotary, slice, type Value } from "@nanoadam/engine";
import { z } from "zod";
import { attend, paddingBias, splitHeads } from "./attention.js";
import { activation, deviation, parseConfig, type RawConfig, rate, requireDivision, size } from "./config.js";
import { type AttentionKind, attentionKinds, layerKinds } from "./layer-kinds.js";
import { activations, embeddings, everyToken, firstToken, meanOfTokens, normalise } from "./layers.js";
import { predictedPositions } from "./masked-lm-head.js";
import type { Backbone, Block, Head, Stage, StageContext } from "./model.js";
import { positionsInGraph, withPositions } from "./modernbert-positions.js";
import {
  constantParameter,
  embeddingParameters,
  type LocalParameters,
  linearParameters,
  normalisationParameters,
} from "./parameters.js";

const theta = z.number().positive();
/** As transformers 5 writes it, where earlier ones have `global_rope_theta` and `local_rope_theta`. */
const rope = z.object({ rope_type: z.literal("default").nullish(), rope_theta: theta.nullish() }).nullish();

const modernbertConfig = z.object({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  vocab_size: size,
  max_position_embeddings: size,
  hidden_activation: activation,
  norm_eps: z.number().positive().default(1e-5),
  norm_bias: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  decoder_bias: z.boolean().default(true),
  classifier_bias: z.boolean().default(false),
  classifier_activation: activation,
  classifier_pooling: z.enum(["cls", "mean"]).default("cls"),
  attention_dropout: rate.default(0),
  embedding_dropout: rate.default(0),
  mlp_dropout: rate.default(0),
  classifier_dropout: rate.default(0),
  initializer_range: deviation,
  local_attention: size.default(128),
  global_attn_every_n_layers: size.default(3),
  layer_types: z.array(z.enum(attentionKinds)).nullish(),
  global_rope_theta: theta.default(160_000),
  local_rope_theta: theta.nullish(),
  rope_parameters: z.object({ full_attention: rope, sliding_attention: rope }).nullish(),
  /** Angles that are scaled for longer texts. */
  rope_scaling: z.null().optional(),
  tie_word_embeddings: z.boolean().default(true),
});

type ModernbertConfig = z.output<typeof modernbertConfig>;

export function modernbert(rawConfig: RawConfig): Backbone {
  const config = parseConfig(modernbertConfig, rawConfig);
  // Rotation turns the halves of a head against each other.
  requireDivision("hidden_size", config.hidden_size, "2 * num_attention_heads,", 2 * config.num_attention_heads);
  const every = config.global_attn_every_n_layers;
  const layerTypes = layerKinds(config, (layer) => (layer % every === 0 ? "full_attention" : "sliding_attention"));
  const positions = {
    headSize: config.hidden_size / config.num_attention_heads,
    thetas: new Map([...new Set(layerTypes)].map((kind) => [kind, thetaOf(config, kind)])),
    reach: Math.floor(config.local_attention / 2),
  };
  return {
    name: "model",
    input: { kind: "text", vocabularySize: config.vocab_size, maximumLength: config.max_position_embeddings },
    stages: [embeddingStage(config), ...layerStages(config, layerTypes), finalStage(config)],
    adapterTargets: ["Wqkv"],
    extend: (batch) => withPositions(batch, positions),
    extendGraph: (batch) => positionsInGraph(batch, positions),
    head(specification) {
      if (specification.kind === "language-model") return languageModelHead(config);
      const { per, outputs } = specification;
      const pools = { cls: firstToken, mean: meanOfTokens };
      return per === "example"
        ? outputsHead("ModernBertForSequenceClassification", config, outputs, pools[config.classifier_pooling])
        : outputsHead("ModernBertForTokenClassification", config, outputs, everyToken);
    },
  };
}

/** The base of a kind of attention's rotary angles. */
function thetaOf(config: ModernbertConfig, attention: AttentionKind): number {
  const { rope_parameters: parameters, global_rope_theta: global, local_rope_theta: local } = config;
  const told = parameters?.[attention]?.rope_theta;
  if (told !== undefined && told !== null) return told;
  // A null is the global base, as transformers 4 had it; what is missing has a default.
  return attention === "full_attention" || local === null ? global : (local ?? 10_000);
}

function embeddingStage(config: ModernbertConfig): Stage {
  const { hidden_size: hidden, norm_bias: bias } = config;
  return {
    name: "model.embeddings",
    parameters: {
      ...tokenEmbeddings(config),
      ...normalisationParameters("LayerNorm", "model.embeddings.norm", hidden, { bias }),
    },
    block: embeddings(
      { tok_embeddings: "input_ids" },
      { epsilon: config.norm_eps, bias, dropout: config.embedding_dropout },
    ),
  };
}

function tokenEmbeddings({ vocab_size, hidden_size, initializer_range }: ModernbertConfig): LocalParameters {
  const sizes = [vocab_size, hidden_size] as const;
  return embeddingParameters("tok_embeddings", "model.embeddings.tok_embeddings", sizes, initializer_range);
}

/** The initial deviation of what is added to the hidden state. */
function outputDeviation({ initializer_range, num_hidden_layers }: ModernbertConfig): number {
  return initializer_range / Math.sqrt(2 * num_hidden_layers);
}

function layerStages(config: ModernbertConfig, layerTypes: readonly AttentionKind[]): Stage[] {
  const { hidden_size: hidden, intermediate_size: intermediate, norm_bias } = config;
  const range = { deviation: config.initializer_range };
  const output = { deviation: outputDeviation(config) };
  // The first layer takes the embeddings, which are normalised already.
  const first = layerBlock(config, layerTypes[0] ?? "full_attention", true);
  const others = {
    full_attention: layerBlock(config, "full_attention", false),
    sliding_attention: layerBlock(config, "sliding_attention", false),
  };
  return layerTypes.map((attention, layer): Stage => {
    const name = `model.layers.${layer}`;
    const norm = (local: string) => normalisationParameters(local, `${name}.${local}`, hidden, { bias: norm_bias });
    const [attentionBias, mlpBias] = [{ bias: config.attention_bias }, { bias: config.mlp_bias }];
    return {
      name,
      block: layer === 0 ? first : others[attention],
      parameters: {
        ...(layer === 0 ? {} : norm("attn_norm")),
        ...linearParameters("Wqkv", `${name}.attn.Wqkv`, [hidden, 3 * hidden], { ...range, ...attentionBias }),
        ...linearParameters("attn.Wo", `${name}.attn.Wo`, [hidden, hidden], { ...output, ...attentionBias }),
        ...norm("mlp_norm"),
        ...linearParameters("Wi", `${name}.mlp.Wi`, [hidden, 2 * intermediate], { ...range, ...mlpBias }),
        ...linearParameters("mlp.Wo", `${name}.mlp.Wo`, [intermediate, hidden], { ...output, ...mlpBias }),
      },
    };
  });
}

function layerBlock(config: ModernbertConfig, attention: AttentionKind, isFirst: boolean): Block {
  const { hidden_size: hidden, intermediate_size: intermediate, num_attention_heads: heads } = config;
  const normalisation = { epsilon: config.norm_eps, bias: config.norm_bias };
  return (context) => {
    const x = context.hidden();
    const joint = context.linear("Wqkv", isFirst ? x : normalise(context, "attn_norm", x, normalisation));
    const part = (index: number) => splitHeads(context, slice(joint, 1, index * hidden, (index + 1) * hidden), heads);
    const [cos, sin] = [context.input(`rope_cos.${attention}`), context.input(`rope_sin.${attention}`)];
    const mixed = attend(context, {
      query: rotary(part(0), cos, sin),
      key: rotary(part(1), cos, sin),
      value: part(2),
      bias: attention === "full_attention" ? paddingBias(context) : nearbyBias(context),
      dropout: config.attention_dropout,
    });
    const attended = add(x, context.dropout(context.linear("attn.Wo", mixed), config.attention_dropout));
    const both = context.linear("Wi", normalise(context, "mlp_norm", attended, normalisation));
    const [inner, gate] = [slice(both, 1, 0, intermediate), slice(both, 1, intermediate, 2 * intermediate)];
    const expanded = multiply(activations[config.hidden_activation](inner), gate);
    return add(attended, context.linear("mlp.Wo", context.dropout(expanded, config.mlp_dropout)));
  };
}

/** What padding and distance add to the scores: [texts, 1, length, length]. */
function nearbyBias(context: StageContext): Value {
  return add(paddingBias(context), context.input("window_bias"));
}

function finalStage({ hidden_size, norm_eps, norm_bias }: ModernbertConfig): Stage {
  return {
    name: "model.final_norm",
    parameters: normalisationParameters("norm", "model.final_norm", hidden_size, { bias: norm_bias }),
    block: (context) => normalise(context, "norm", context.hidden(), { epsilon: norm_eps, bias: norm_bias }),
  };
}

/** The dense layer and normalisation that all heads begin with. */
function predictionHead(config: ModernbertConfig): { readonly parameters: LocalParameters; readonly block: Block } {
  const { hidden_size: hidden, norm_bias: bias } = config;
  const dense = { deviation: outputDeviation(config), bias: config.classifier_bias, isHead: true };
  return {
    parameters: {
      ...linearParameters("dense", "head.dense", [hidden, hidden], dense),
      ...normalisationParameters("norm", "head.norm", hidden, { bias }),
    },
    block(context) {
      const activated = activations[config.classifier_activation](context.linear("dense", context.hidden()));
      return normalise(context, "norm", activated, { epsilon: config.norm_eps, bias });
    },
  };
}

function outputsHead(architecture: string, config: ModernbertConfig, outputs: number, pool: Block): Head {
  const { parameters, block } = predictionHead(config);
  const sizes = [config.hidden_size, outputs] as const;
  return {
    architecture,
    pool,
    stage: {
      name: "classifier",
      parameters: {
        ...parameters,
        ...linearParameters("classifier", "classifier", sizes, { deviation: config.hidden_size ** -0.5, isHead: true }),
      },
      block: (context) => context.linear("classifier", context.dropout(block(context), config.classifier_dropout)),
    },
  };
}

function languageModelHead(config: ModernbertConfig): Head {
  const { parameters, block } = predictionHead(config);
  const bias = constantParameter("decoder.bias", [config.vocab_size], "head", 0);
  const { tie_word_embeddings: isTied, vocab_size: vocabulary, hidden_size: hidden, initializer_range } = config;
  const decoder = isTied
    ? tokenEmbeddings(config)
    : embeddingParameters("tok_embeddings", "decoder", [vocabulary, hidden], initializer_range);
  return {
    architecture: "ModernBertForMaskedLM",
    pool: predictedPositions,
    tiedNames: isTied ? ["decoder.weight"] : [],
    stage: {
      name: "decoder",
      parameters: { ...parameters, ...decoder, ...(config.decoder_bias ? { bias } : {}) },
      block: (context) =>
        linear(
          block(context),
          context.parameter("tok_embeddings.weight"),
          config.decoder_bias ? context.parameter("bias") : undefined,
        ),
    },
  };
}
