/** The small ResNets for CIFAR's images (He et al. 2015, section 4.2), whose shortcuts have no parameters. */
import { add, pad, relu, slice, type Value } from "@nanoadam/engine";
import { z } from "zod";
import { depth, parseConfig, type RawConfig, size } from "./config.js";
import { requireExampleOutputs } from "./image-head.js";
import {
  type BatchNormOptions,
  batchNormalise,
  batchNormBuffers,
  batchNormParameters,
  convolutionParameters,
  convolve,
  meanOfPixels,
} from "./image-layers.js";
import type { Backbone, Block, Stage, StageContext } from "./model.js";
import { linearParameters } from "./parameters.js";

const cifarResnetConfig = z.object({
  num_channels: size.default(3),
  image_size: size.default(32),
  hidden_sizes: z.array(size).min(1),
  depths: z.array(depth).min(1),
  batch_norm_eps: z.number().positive().default(1e-5),
  batch_norm_momentum: z.number().min(0).max(1).default(0.1),
});

export function cifarResnet(rawConfig: RawConfig): Backbone {
  const config = parseConfig(cifarResnetConfig, rawConfig);
  const { num_channels: channels, image_size: side, hidden_sizes: sizes, depths } = config;
  const options: BatchNormOptions = { epsilon: config.batch_norm_eps, momentum: config.batch_norm_momentum };
  const [first = 0] = sizes;
  const blocks = new Map<string, Block>();
  const layers = sizes.flatMap((outputs, stage) =>
    Array.from({ length: depths[stage] ?? 0 }, (_, place): Stage => {
      const inputs = place === 0 ? (sizes[stage - 1] ?? first) : outputs;
      const stride = place === 0 && stage > 0 ? 2 : 1;
      const block = blocks.get(`${stride} ${outputs - inputs}`) ?? residualBlock(stride, outputs - inputs, options);
      blocks.set(`${stride} ${outputs - inputs}`, block);
      const name = `layer${stage + 1}.${place}`;
      return {
        name,
        block,
        parameters: {
          ...convolutionParameters("conv1", `${name}.conv1`, [inputs, outputs], 3),
          ...batchNormParameters("bn1", `${name}.bn1`, outputs),
          ...convolutionParameters("conv2", `${name}.conv2`, [outputs, outputs], 3),
          ...batchNormParameters("bn2", `${name}.bn2`, outputs),
        },
        buffers: {
          ...batchNormBuffers("bn1", `${name}.bn1`, outputs),
          ...batchNormBuffers("bn2", `${name}.bn2`, outputs),
        },
      };
    }),
  );
  const stem: Stage = {
    name: "stem",
    parameters: {
      ...convolutionParameters("conv1", "conv1", [channels, first], 3),
      ...batchNormParameters("bn1", "bn1", first),
    },
    buffers: batchNormBuffers("bn1", "bn1", first),
    block: (context) => relu(convolutionLayer(context, "1", context.input("pixel_values"), 1, options)),
  };
  return {
    name: "cifar_resnet",
    input: { kind: "image", channels, height: side, width: side },
    stages: [stem, ...layers],
    adapterTargets: [],
    head(specification) {
      const outputs = requireExampleOutputs("CIFAR ResNet", specification);
      const inputs = sizes.at(-1) ?? 0;
      return {
        architecture: "CifarResNetForImageClassification",
        pool: meanOfPixels,
        stage: {
          name: "linear",
          parameters: linearParameters("linear", "linear", [inputs, outputs], {
            deviation: Math.sqrt(2 / inputs),
            isHead: true,
          }),
          block: (context) => context.linear("linear", context.hidden()),
        },
      };
    },
  };
}

/** Two convolutions, and around them every `stride`-th pixel, with the added channels as zeros on either side. */
function residualBlock(stride: number, added: number, options: BatchNormOptions): Block {
  return (context) => {
    const x = context.hidden();
    const inner = relu(convolutionLayer(context, "1", x, stride, options));
    const output = convolutionLayer(context, "2", inner, 1, options);
    const before = Math.floor(added / 2);
    return relu(add(output, pad(everyPixel(x, stride), 1, before, added - before)));
  };
}

function everyPixel(x: Value, stride: number): Value {
  const [, , height = 0, width = 0] = x.type.shape;
  return slice(slice(x, 2, 0, height, stride), 3, 0, width, stride);
}

/** Convolution and normalisation number `place` of a layer. */
function convolutionLayer(
  context: StageContext,
  place: "1" | "2",
  x: Value,
  stride: number,
  options: BatchNormOptions,
): Value {
  return batchNormalise(context, `bn${place}`, convolve(context, `conv${place}`, x, { stride }), options);
}
