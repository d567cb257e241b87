/**
 * Vision Transformer (Dosovitskiy et al. 2020) and DeiT (Touvron et al. 2020) as in Hugging Face's modeling_vit and modeling_deit, and the
 * names that timm gives their tensors. An image is cut into patches, which are the tokens; hidden states are [images * tokens,
 * hidden]. Images of another size than the network was trained on get position embeddings in between those that it has.
 */
import {
  add,
  broadcastTo,
  concatenate,
  constant,
  linear,
  matmul,
  reshape,
  slice,
  takeIndex,
  transpose,
  type Value,
} from "@nanoadam/engine";
import { z } from "zod";
import { attend, headsOf } from "./attention.js";
import { bicubicWeights } from "./bicubic.js";
import { activation, depth, deviation, parseConfig, type RawConfig, rate, requireDivision, size } from "./config.js";
import { requireExampleOutputs } from "./image-head.js";
import { activations, normalise } from "./layers.js";
import type { Backbone, Block, OtherName, Stage, StageContext } from "./model.js";
import { linearParameters, normalisationParameters, type ParameterSpecification } from "./parameters.js";

const sides = z.union([size.transform((side): [number, number] => [side, side]), z.tuple([size, size])]);

const vitConfig = z.object({
  hidden_size: size.default(768),
  num_hidden_layers: depth.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_act: activation,
  hidden_dropout_prob: rate.default(0),
  attention_probs_dropout_prob: rate.default(0),
  initializer_range: deviation,
  layer_norm_eps: z.number().positive().default(1e-12),
  image_size: sides.default([224, 224]),
  patch_size: sides.default([16, 16]),
  num_channels: size.default(3),
  qkv_bias: z.boolean().default(true),
});

interface VitConfig extends z.output<typeof vitConfig> {
  /** The backbone's name in checkpoints. */
  readonly prefix: "vit" | "deit";
  /** Tokens before the patches: the one that the head judges, and DeiT's other. */
  readonly tokens: readonly string[];
}

export function vit(rawConfig: RawConfig): Backbone {
  return visionTransformer(rawConfig, { prefix: "vit", tokens: ["cls_token"] }, "ViTForImageClassification");
}

/** The head judges the first token; that of DeiT's training by a teacher is left out, as in `DeiTForImageClassification`. */
export function deit(rawConfig: RawConfig): Backbone {
  const tokens = ["cls_token", "distillation_token"];
  return visionTransformer(rawConfig, { prefix: "deit", tokens }, "DeiTForImageClassification");
}

function visionTransformer(
  rawConfig: RawConfig,
  names: Pick<VitConfig, "prefix" | "tokens">,
  architecture: string,
): Backbone {
  const config: VitConfig = { ...parseConfig(vitConfig, rawConfig), ...names };
  requireDivision("hidden_size", config.hidden_size, "num_attention_heads", config.num_attention_heads);
  const [height, width] = config.image_size;
  const { prefix, hidden_size: hidden } = config;
  const layer = layerBlock(config);
  return {
    name: prefix,
    input: { kind: "image", channels: config.num_channels, height, width },
    stages: [
      embeddingStage(config),
      ...Array.from({ length: config.num_hidden_layers }, (_, index) => layerStage(config, layer, index)),
      {
        name: `${prefix}.layernorm`,
        parameters: normalisationParameters("layernorm", `${prefix}.layernorm`, hidden),
        block: (context) => normalise(context, "layernorm", context.hidden(), { epsilon: config.layer_norm_eps }),
      },
    ],
    adapterTargets: ["query", "value"],
    otherNames: (name) => [transformers5Name(name), ...timmNames(name, prefix)],
    head(specification) {
      const outputs = requireExampleOutputs(architecture, specification);
      return {
        architecture,
        pool: (context) => takeIndex(reshape(context.hidden(), [...sequencesOf(context), hidden]), 1, 0),
        stage: {
          name: "classifier",
          parameters: linearParameters("classifier", "classifier", [hidden, outputs], {
            deviation: config.initializer_range,
            isHead: true,
          }),
          block: (context) => context.linear("classifier", context.hidden()),
        },
      };
    },
  };
}

function embeddingStage(config: VitConfig): Stage {
  const { prefix, hidden_size: hidden, num_channels: channels, patch_size: patch, tokens } = config;
  const [rows, columns] = gridOf(config.image_size, patch);
  const initialisation = { kind: "normal", standardDeviation: config.initializer_range } as const;
  const tensor = (local: string, shape: readonly number[]): ParameterSpecification => ({
    name: `${prefix}.embeddings.${local}`,
    shape,
    role: "embedding",
    initialisation,
  });
  const projection = `${prefix}.embeddings.patch_embeddings.projection`;
  return {
    name: `${prefix}.embeddings`,
    parameters: {
      ...Object.fromEntries(tokens.map((token) => [token, tensor(token, [1, 1, hidden])])),
      position_embeddings: tensor("position_embeddings", [1, tokens.length + rows * columns, hidden]),
      "projection.weight": {
        name: `${projection}.weight`,
        shape: [hidden, channels, ...patch],
        role: "weight",
        initialisation,
      },
      "projection.bias": {
        name: `${projection}.bias`,
        shape: [hidden],
        role: "bias",
        initialisation: { kind: "constant", value: 0 },
      },
    },
    block(context) {
      const images = context.input("pixel_values").type.shape[0] ?? 0;
      const patches = linear(
        patchRows(context.input("pixel_values"), patch),
        context.parameter("projection.weight"),
        context.parameter("projection.bias"),
      );
      const sequence = concatenate(
        [
          ...tokens.map((token) => broadcastTo(context.parameter(token), [images, 1, hidden])),
          reshape(patches, [images, (patches.type.shape[0] ?? 0) / images, hidden]),
        ],
        1,
      );
      const placed = add(sequence, positionsFor(context, config));
      const length = placed.type.shape[1] ?? 0;
      return context.dropout(reshape(placed, [images * length, hidden]), config.hidden_dropout_prob);
    },
  };
}

/** The patches of images, row by row, each as the kernel of a convolution sees it: [images * patches, channels * height * width]. */
function patchRows(x: Value, patch: readonly [number, number]): Value {
  const [images = 0, channels = 0, height = 0, width = 0] = x.type.shape;
  const [rows, columns] = gridOf([height, width], patch);
  const whole = slice(slice(x, 2, 0, rows * patch[0]), 3, 0, columns * patch[1]);
  const apart = reshape(whole, [images, channels, rows, patch[0], columns, patch[1]]);
  return reshape(transpose(apart, [0, 2, 4, 1, 3, 5]), [images * rows * columns, channels * patch[0] * patch[1]]);
}

/** How many whole patches an image has from top to bottom, and from left to right. */
function gridOf([height, width]: readonly [number, number], patch: readonly [number, number]): [number, number] {
  return [Math.floor(height / patch[0]), Math.floor(width / patch[1])];
}

/** The position embeddings of the batch's images; of another size than the network's they are interpolated. */
function positionsFor(
  context: StageContext,
  { image_size, patch_size: patch, tokens, hidden_size: hidden }: VitConfig,
): Value {
  const positions = context.parameter("position_embeddings");
  const [, , height = 0, width = 0] = context.input("pixel_values").type.shape;
  const [from, to] = [gridOf(image_size, patch), gridOf([height, width], patch)];
  if (from[0] === to[0] && from[1] === to[1]) return positions;
  const ofTokens = slice(positions, 1, 0, tokens.length);
  const ofPatches = reshape(slice(positions, 1, tokens.length, tokens.length + from[0] * from[1]), [
    from[0],
    from[1] * hidden,
  ]);
  const down = reshape(matmul(constant(bicubicWeights(from[0], to[0]), [to[0], from[0]]), ofPatches), [
    to[0],
    from[1],
    hidden,
  ]);
  const across = broadcastTo(constant(bicubicWeights(from[1], to[1]), [1, to[1], from[1]]), [to[0], to[1], from[1]]);
  return concatenate([ofTokens, reshape(matmul(across, down), [1, to[0] * to[1], hidden])], 1);
}

/** How many sequences of tokens there are, and the length of each. */
function sequencesOf(context: StageContext): readonly [images: number, length: number] {
  const images = context.input("pixel_values").type.shape[0] ?? 1;
  return [images, (context.hidden().type.shape[0] ?? 0) / images];
}

/** A transformer layer that is normalised before each of its halves. */
function layerBlock(config: VitConfig): Block {
  const { num_attention_heads: heads, hidden_dropout_prob: dropout, layer_norm_eps: epsilon } = config;
  return (context) => {
    const x = context.hidden();
    const before = normalise(context, "layernorm_before", x, { epsilon });
    const split = (name: string) => headsOf(context.linear(name, before), sequencesOf(context), heads);
    const [query, key, value] = [split("query"), split("key"), split("value")];
    const mixed = attend(context, { query, key, value, dropout: config.attention_probs_dropout_prob });
    const attended = add(context.dropout(context.linear("attentionOutput", mixed), dropout), x);
    const after = normalise(context, "layernorm_after", attended, { epsilon });
    const expanded = activations[config.hidden_act](context.linear("intermediate", after));
    return add(context.dropout(context.linear("output", expanded), dropout), attended);
  };
}

function layerStage(config: VitConfig, block: Block, index: number): Stage {
  const { hidden_size: hidden, intermediate_size: inner, initializer_range: deviation, qkv_bias: bias } = config;
  const name = `${config.prefix}.encoder.layer.${index}`;
  const attention = (local: string) =>
    linearParameters(local, `${name}.attention.attention.${local}`, [hidden, hidden], { deviation, bias });
  return {
    name,
    block,
    parameters: {
      ...attention("query"),
      ...attention("key"),
      ...attention("value"),
      ...linearParameters("attentionOutput", `${name}.attention.output.dense`, [hidden, hidden], { deviation }),
      ...linearParameters("intermediate", `${name}.intermediate.dense`, [hidden, inner], { deviation }),
      ...linearParameters("output", `${name}.output.dense`, [inner, hidden], { deviation }),
      ...normalisationParameters("layernorm_before", `${name}.layernorm_before`, hidden),
      ...normalisationParameters("layernorm_after", `${name}.layernorm_after`, hidden),
    },
  };
}

/** The name that transformers 5 has in memory, and that its later versions may write. */
function transformers5Name(name: string): OtherName {
  return {
    name: name
      .replace(".encoder.layer.", ".layers.")
      .replace(".attention.attention.query", ".attention.q_proj")
      .replace(".attention.attention.key", ".attention.k_proj")
      .replace(".attention.attention.value", ".attention.v_proj")
      .replace(".attention.output.dense", ".attention.o_proj")
      .replace(".intermediate.dense", ".mlp.fc1")
      .replace(".output.dense", ".mlp.fc2"),
  };
}

/** timm has queries, keys and values in one tensor, in this order. */
const joint = ["query", "key", "value"];

function timmNames(name: string, prefix: string): readonly OtherName[] {
  const renamed = name
    .replace(`${prefix}.embeddings.patch_embeddings.projection`, "patch_embed.proj")
    .replace(`${prefix}.embeddings.cls_token`, "cls_token")
    .replace(`${prefix}.embeddings.distillation_token`, "dist_token")
    .replace(`${prefix}.embeddings.position_embeddings`, "pos_embed")
    .replace(`${prefix}.encoder.layer.`, "blocks.")
    .replace(`${prefix}.layernorm`, "norm")
    .replace(".layernorm_before", ".norm1")
    .replace(".layernorm_after", ".norm2")
    .replace(".attention.output.dense", ".attn.proj")
    .replace(".intermediate.dense", ".mlp.fc1")
    .replace(".output.dense", ".mlp.fc2")
    .replace(/^classifier/, "head");
  const [, before, which = "", after] = /^(.*)\.attention\.attention\.(query|key|value)(.*)$/.exec(renamed) ?? [];
  if (before === undefined) return [{ name: renamed }];
  return [{ name: `${before}.attn.qkv${after}`, part: { index: joint.indexOf(which), of: joint.length } }];
}
