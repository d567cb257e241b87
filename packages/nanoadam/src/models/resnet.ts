/** ResNet (He et al. 2015) as in Hugging Face's modeling_resnet, and the names that timm and torchvision give its tensors. */
import { add, maxPool, relu, type Value } from "@nanoadam/engine";
import { z } from "zod";
import { activation, depth, parseConfig, type RawConfig, size } from "./config.js";
import { requireExampleOutputs } from "./image-head.js";
import {
  batchNormalise,
  batchNormBuffers,
  batchNormParameters,
  convolutionParameters,
  convolve,
  meanOfPixels,
} from "./image-layers.js";
import { type Activation, activations } from "./layers.js";
import type { Backbone, Block, Head, OtherName, Stage, StageContext } from "./model.js";
import type { LocalBuffers, LocalParameters } from "./parameters.js";

const resnetConfig = z.object({
  num_channels: size.default(3),
  embedding_size: size.default(64),
  hidden_sizes: z.array(size).min(1).default([256, 512, 1024, 2048]),
  depths: z.array(depth).min(1).default([3, 4, 6, 3]),
  layer_type: z.enum(["basic", "bottleneck"]).default("bottleneck"),
  hidden_act: activation.default("relu"),
  downsample_in_first_stage: z.boolean().default(false),
  downsample_in_bottleneck: z.boolean().default(false),
  image_size: size.default(224),
});

type ResnetConfig = z.output<typeof resnetConfig>;

/** What PyTorch's batch normalisation has where nobody says otherwise. */
const normalisation = { epsilon: 1e-5, momentum: 0.1 };
/** A bottleneck's inner convolutions have so many times fewer channels. */
const reduction = 4;

/** One convolution of a residual layer. */
interface Convolution {
  readonly kernel: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
}

/** A residual layer: convolutions one after another, and the way around them. */
interface ResidualLayer {
  readonly convolutions: readonly Convolution[];
  readonly shortcut: Convolution | undefined;
}

export function resnet(rawConfig: RawConfig): Backbone {
  const config = parseConfig(resnetConfig, rawConfig);
  return {
    name: "resnet",
    input: { kind: "image", channels: config.num_channels, height: config.image_size, width: config.image_size },
    stages: [stem(config), ...residualStages(config)],
    adapterTargets: [],
    otherNames: timmNames,
    head(specification) {
      const outputs = requireExampleOutputs("ResNet", specification);
      return imageHead(config.hidden_sizes.at(-1) ?? 0, outputs);
    },
  };
}

function imageHead(channels: number, outputs: number): Head {
  const initialisation = { kind: "uniform", bound: 1 / Math.sqrt(channels) } as const;
  return {
    architecture: "ResNetForImageClassification",
    pool: meanOfPixels,
    stage: {
      name: "classifier",
      parameters: {
        "classifier.weight": { name: "classifier.1.weight", shape: [outputs, channels], role: "head", initialisation },
        "classifier.bias": { name: "classifier.1.bias", shape: [outputs], role: "head", initialisation },
      },
      block: (context) => context.linear("classifier", context.hidden()),
    },
  };
}

/** A large convolution and the largest of every 3 x 3 pixels: a sixteenth of the image is left. */
function stem({ num_channels: inputs, embedding_size: outputs, hidden_act: activation }: ResnetConfig): Stage {
  return {
    name: "resnet.embedder",
    parameters: convolutionLayerParameters("embedder", "resnet.embedder.embedder", { kernel: 7, inputs, outputs }),
    buffers: batchNormBuffers("embedder.norm", "resnet.embedder.embedder.normalization", outputs),
    block(context) {
      const x = convolutionLayer(context, "embedder", context.input("pixel_values"), 2);
      return maxPool(activations[activation](x), { kernel: 3, stride: 2, padding: 1 });
    },
  };
}

function residualStages(config: ResnetConfig): Stage[] {
  const { hidden_sizes: sizes, depths, embedding_size: embedding, hidden_act: activation } = config;
  const blocks = new Map<string, Block>();
  return sizes.flatMap((outputs, index) =>
    Array.from({ length: depths[index] ?? 0 }, (_, place) => {
      const isFirst = place === 0;
      const inputs = isFirst ? (sizes[index - 1] ?? embedding) : outputs;
      const stride = isFirst && (index > 0 || config.downsample_in_first_stage) ? 2 : 1;
      const layer = residualLayer(config, { inputs, outputs, stride });
      // Layers that differ in the number of channels alone share a block.
      const key = `${stride} ${layer.shortcut !== undefined}`;
      const block = blocks.get(key) ?? residualBlock(layer, activation);
      blocks.set(key, block);
      const name = `resnet.encoder.stages.${index}.layers.${place}`;
      return { name, block, ...tensorsOf(name, layer) };
    }),
  );
}

function residualLayer(
  { layer_type: type, downsample_in_bottleneck: isEarly }: ResnetConfig,
  { inputs, outputs, stride }: Omit<Convolution, "kernel">,
): ResidualLayer {
  const inner = Math.floor(outputs / reduction);
  return {
    convolutions:
      type === "basic"
        ? [
            { kernel: 3, inputs, outputs, stride },
            { kernel: 3, inputs: outputs, outputs, stride: 1 },
          ]
        : [
            { kernel: 1, inputs, outputs: inner, stride: isEarly ? stride : 1 },
            { kernel: 3, inputs: inner, outputs: inner, stride: isEarly ? 1 : stride },
            { kernel: 1, inputs: inner, outputs, stride: 1 },
          ],
    shortcut: inputs !== outputs || stride !== 1 ? { kernel: 1, inputs, outputs, stride } : undefined,
  };
}

/** As in Hugging Face's, the activation of a configuration is that after the sum: within, it is relu. */
function residualBlock({ convolutions, shortcut }: ResidualLayer, activation: Activation): Block {
  return (context) => {
    const x = context.hidden();
    const last = convolutions.length - 1;
    const changed = convolutions.reduce((value, { stride }, place) => {
      const output = convolutionLayer(context, `layer.${place}`, value, stride);
      return place === last ? output : relu(output);
    }, x);
    const around = shortcut === undefined ? x : convolutionLayer(context, "shortcut", x, shortcut.stride);
    return activations[activation](add(changed, around));
  };
}

/** A convolution and its normalisation. */
function convolutionLayer(context: StageContext, local: string, x: Value, stride: number): Value {
  return batchNormalise(context, `${local}.norm`, convolve(context, local, x, { stride }), normalisation);
}

function convolutionLayerParameters(
  local: string,
  name: string,
  { kernel, inputs, outputs }: Omit<Convolution, "stride">,
): LocalParameters {
  return {
    ...convolutionParameters(local, `${name}.convolution`, [inputs, outputs], kernel),
    ...batchNormParameters(`${local}.norm`, `${name}.normalization`, outputs),
  };
}

function tensorsOf(name: string, { convolutions, shortcut }: ResidualLayer): Pick<Stage, "parameters" | "buffers"> {
  const layers = [
    ...(shortcut === undefined ? [] : [["shortcut", shortcut] as const]),
    ...convolutions.map((convolution, place) => [`layer.${place}`, convolution] as const),
  ];
  const merged = <Tensors extends LocalParameters | LocalBuffers>(
    of: (local: string, name: string, convolution: Convolution) => Tensors,
  ): Tensors => Object.assign({}, ...layers.map(([local, convolution]) => of(local, `${name}.${local}`, convolution)));
  return {
    parameters: merged(convolutionLayerParameters),
    buffers: merged((local, full, { outputs }) => batchNormBuffers(`${local}.norm`, `${full}.normalization`, outputs)),
  };
}

/** "layer1.0.conv2.weight" for "resnet.encoder.stages.0.layers.0.layer.1.convolution.weight", and so on. */
function timmNames(name: string): readonly OtherName[] {
  const renamed = name
    .replace(/^resnet\.embedder\.embedder\.convolution/, "conv1")
    .replace(/^resnet\.embedder\.embedder\.normalization/, "bn1")
    .replace(/^resnet\.encoder\.stages\.(\d+)\.layers/, (_, stage) => `layer${Number(stage) + 1}`)
    .replace(/\.layer\.(\d+)\.convolution/, (_, place) => `.conv${Number(place) + 1}`)
    .replace(/\.layer\.(\d+)\.normalization/, (_, place) => `.bn${Number(place) + 1}`)
    .replace(".shortcut.convolution", ".downsample.0")
    .replace(".shortcut.normalization", ".downsample.1")
    .replace(/^classifier\.1/, "fc");
  return [{ name: renamed }];
}
