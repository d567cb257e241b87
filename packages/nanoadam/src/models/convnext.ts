/**
 * ConvNeXt (Liu et al. 2022) as in Hugging Face's modeling_convnext. Images are [images, channels, height, width] between stages; what is done
 * pixel by pixel (normalisation and linear layers) is done to rows [images * height * width, channels].
 */
import { add, convolution, multiply, reshape, transpose, type Value } from "@nanoadam/engine";
import { z } from "zod";
import { activation, depth, deviation, parseConfig, type RawConfig, size } from "./config.js";
import { requireExampleOutputs } from "./image-head.js";
import { convolutionParameters, meanOfPixels } from "./image-layers.js";
import { activations, normalise } from "./layers.js";
import type { Backbone, Block, Stage, StageContext } from "./model.js";
import { constantParameter, linearParameters, normalisationParameters } from "./parameters.js";

const convnextConfig = z
  .object({
    num_channels: size.default(3),
    patch_size: size.default(4),
    num_stages: size.optional(),
    hidden_sizes: z.array(size).min(1).default([96, 192, 384, 768]),
    depths: z.array(depth).min(1).default([3, 3, 9, 3]),
    hidden_act: activation,
    initializer_range: deviation,
    layer_norm_eps: z.number().positive().default(1e-12),
    layer_scale_init_value: z.number().default(1e-6),
    drop_path_rate: z.literal(0, { error: "stochastic depth is not built, expected 0" }).default(0),
    image_size: size.default(224),
  })
  .refine(({ hidden_sizes: sizes, depths }) => sizes.length === depths.length, {
    path: ["depths"],
    message: "has not as many entries as hidden_sizes",
  })
  .refine(({ num_stages: stages, depths }) => stages === undefined || stages === depths.length, {
    path: ["num_stages"],
    message: "is not the number of entries of depths",
  });

type ConvnextConfig = z.output<typeof convnextConfig>;

/** Of all normalisations but the last, whatever the configuration says. */
const epsilon = 1e-6;
/** The depthwise convolution's, and the factor by which a layer is wider inside. */
const [depthwiseKernel, expansion] = [7, 4];
/** From one stage to the next. */
const downsampling = 2;

export function convnext(rawConfig: RawConfig): Backbone {
  const config = parseConfig(convnextConfig, rawConfig);
  const { num_channels: channels, image_size: side, hidden_sizes: sizes, depths } = config;
  const [first = 0, last = 0] = [sizes[0], sizes.at(-1)];
  const layer = layerBlock(config);
  return {
    name: "convnext",
    input: { kind: "image", channels, height: side, width: side },
    stages: [
      {
        name: "convnext.embeddings",
        parameters: {
          ...convolutionParameters(
            "patches",
            "convnext.embeddings.patch_embeddings",
            [channels, first],
            config.patch_size,
            drawnWithBias(config),
          ),
          ...normalisationParameters("norm", "convnext.embeddings.layernorm", first),
        },
        block: (context) =>
          normalisePixels(context, "norm", convolved(context, "patches", context.input("pixel_values"))),
      },
      ...sizes.flatMap((outputs, index) => [
        ...(index === 0 ? [] : [downsamplingStage(config, index, [sizes[index - 1] ?? 0, outputs])]),
        ...Array.from({ length: depths[index] ?? 0 }, (_, place) => layerStage(config, layer, [index, place], outputs)),
      ]),
      {
        name: "convnext.layernorm",
        parameters: normalisationParameters("norm", "convnext.layernorm", last),
        block: (context) => normalise(context, "norm", meanOfPixels(context), { epsilon: config.layer_norm_eps }),
      },
    ],
    adapterTargets: [],
    head(specification) {
      const outputs = requireExampleOutputs("ConvNeXt", specification);
      return {
        architecture: "ConvNextForImageClassification",
        pool: (context) => context.hidden(),
        stage: {
          name: "classifier",
          parameters: linearParameters("classifier", "classifier", [last, outputs], {
            deviation: config.initializer_range,
            isHead: true,
          }),
          block: (context) => context.linear("classifier", context.hidden()),
        },
      };
    },
  };
}

/** A depthwise convolution, then two linear layers for each pixel, scaled channel by channel, around which the image goes. */
function layerBlock({ hidden_act: act, layer_scale_init_value: scale }: ConvnextConfig): Block {
  return (context) => {
    const x = context.hidden();
    const [, channels = 0] = x.type.shape;
    const options = { padding: Math.floor(depthwiseKernel / 2), groups: channels };
    const [weight, bias] = [context.parameter("depthwise.weight"), context.parameter("depthwise.bias")];
    const rows = normalise(context, "norm", rowsOf(convolution(x, weight, bias, options)), { epsilon });
    const changed = context.linear("pwconv2", activations[act](context.linear("pwconv1", rows)));
    const scaled = scale > 0 ? multiply(changed, context.parameter("scale")) : changed;
    return add(x, imagesOf(scaled, x));
  };
}

function layerStage(
  config: ConvnextConfig,
  block: Block,
  [stage, place]: readonly [stage: number, place: number],
  channels: number,
): Stage {
  const { initializer_range: deviation, layer_scale_init_value: scale } = config;
  const name = `convnext.encoder.stages.${stage}.layers.${place}`;
  const inner = expansion * channels;
  return {
    name,
    block,
    parameters: {
      ...convolutionParameters("depthwise", `${name}.dwconv`, [1, channels], depthwiseKernel, drawnWithBias(config)),
      ...normalisationParameters("norm", `${name}.layernorm`, channels),
      ...linearParameters("pwconv1", `${name}.pwconv1`, [channels, inner], { deviation }),
      ...linearParameters("pwconv2", `${name}.pwconv2`, [inner, channels], { deviation }),
      ...(scale > 0
        ? { scale: constantParameter(`${name}.layer_scale_parameter`, [channels], "normalisation", scale) }
        : {}),
    },
  };
}

function downsamplingStage(
  config: ConvnextConfig,
  stage: number,
  [inputs, outputs]: readonly [inputs: number, outputs: number],
): Stage {
  const name = `convnext.encoder.stages.${stage}.downsampling_layer`;
  return {
    name,
    block: downsample,
    parameters: {
      ...normalisationParameters("norm", `${name}.0`, inputs),
      ...convolutionParameters("patches", `${name}.1`, [inputs, outputs], downsampling, drawnWithBias(config)),
    },
  };
}

const downsample: Block = (context) =>
  convolved(context, "patches", normalisePixels(context, "norm", context.hidden()));

/** Its convolutions have biases, and weights of one deviation. */
function drawnWithBias({ initializer_range: deviation }: ConvnextConfig) {
  return { deviation, bias: true };
}

/** A convolution whose windows lie side by side. */
function convolved(context: StageContext, local: string, x: Value): Value {
  const weight = context.parameter(`${local}.weight`);
  const [, , stride = 1] = weight.type.shape;
  return convolution(x, weight, context.parameter(`${local}.bias`), { stride });
}

function normalisePixels(context: StageContext, local: string, x: Value): Value {
  return imagesOf(normalise(context, local, rowsOf(x), { epsilon }), x);
}

/** The pixels of images, a row each. */
function rowsOf(x: Value): Value {
  const [images = 0, channels = 0, height = 0, width = 0] = x.type.shape;
  return reshape(transpose(x, [0, 2, 3, 1]), [images * height * width, channels]);
}

/** Rows as images again, of the size of others. */
function imagesOf(rows: Value, like: Value): Value {
  const [images = 0, channels = 0, height = 0, width = 0] = like.type.shape;
  return transpose(reshape(rows, [images, height, width, channels]), [0, 3, 1, 2]);
}
