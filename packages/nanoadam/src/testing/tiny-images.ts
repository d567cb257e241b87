/** Tiny networks over images, and images whose class is their colour, in folders that are removed when the running test is over. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import sharp from "sharp";
import { initialValues } from "../checkpoint/pretrained.js";
import { writeSafetensors } from "../checkpoint/write-safetensors.js";
import { float32Tensor } from "../data/batch.js";
import { defineModel } from "../models/architectures.js";
import type { Model } from "../models/model.js";
import { openModel } from "../recipes/open-model.js";
import { drawnModel } from "./further-encoders.js";
import { labelsConfig } from "./model-folder.js";
import { temporaryFolder } from "./temporary-folder.js";

export const tinyResnet = {
  model_type: "resnet",
  embedding_size: 4,
  hidden_sizes: [4, 8],
  depths: [1, 1],
  layer_type: "basic",
  num_labels: 3,
};

export const tinyVit = {
  model_type: "vit",
  hidden_size: 16,
  intermediate_size: 24,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  image_size: 24,
  patch_size: 8,
  num_labels: 3,
};

export const tinyCifarResnet = { model_type: "cifar_resnet", image_size: 24, hidden_sizes: [4, 8], depths: [1, 1] };

const headOfThree = { kind: "outputs", per: "example", outputs: 3 } as const;
const side = 24;
const colours = { red: [190, 40, 40], green: [40, 190, 40], blue: [40, 40, 190] };

/** A network with drawn weights, and a folder of images for each of three colours. */
export async function tinyImagePlace(config: Readonly<Record<string, unknown>>, imagesOfClass = 12) {
  const folder = await temporaryFolder();
  const model = join(folder, "model");
  const images = join(folder, "images");
  await writeTinyImageModel(model, config);
  for (const [name, colour] of Object.entries(colours)) {
    await mkdir(join(images, name), { recursive: true });
    for (let index = 0; index < imagesOfClass; index++) {
      const shade = (index * 17) % 40;
      const size = { width: side + (index % 5), height: side, channels: 3 as const };
      // Brighter towards one corner, so that no two parts are alike.
      const pixels = Uint8Array.from({ length: size.width * side * 3 }, (_, at) => {
        const place = Math.floor(at / 3);
        return (colour[at % 3] ?? 0) - shade + (place % size.width) + Math.floor(place / size.width);
      });
      await sharp(pixels, { raw: size })
        .png()
        .toFile(join(images, name, `${index}.png`));
    }
  }
  return { folder, model, images };
}

/** Writes the checkpoint of a network whose weights are drawn as those of a new one. */
export async function writeTinyImageModel(folder: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  const model = defineModel(config, headOfThree);
  const weights = new Map(
    model.parameters.map((parameter) => [parameter.name, initialValues(model, parameter, 1)] as const),
  );
  for (const { name, shape, initial } of model.buffers)
    weights.set(name, new Float32Array(sizeOf(shape)).fill(initial));
  await writeImageFolder(folder, config, { model, weights });
}

/** Writes what a fine-tuning leaves: classes with names, and weights and statistics so drawn that every one of them matters. */
export async function writeDrawnImageModel(folder: string, config: Readonly<Record<string, unknown>>): Promise<string> {
  const { model, weights } = drawnModel(config, headOfThree);
  for (const { name, shape, isCount } of model.buffers) {
    if (isCount === true) continue;
    const least = name.endsWith("running_mean") ? -0.6 : 0.2;
    const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => least + ((7 * i + name.length) % 11) / 8);
    weights.set(name, values);
  }
  const labels = labelsConfig(Object.keys(colours));
  await writeImageFolder(folder, { ...config, ...labels, architectures: [model.architecture] }, { model, weights });
  return folder;
}

async function writeImageFolder(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  { model, weights }: { readonly model: Model; readonly weights: ReadonlyMap<string, Float32Array> },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, "model.safetensors"), [
    ...model.parameters.map(({ name, shape }) => ({
      name,
      shape,
      dtype: "F32" as const,
      values: valuesOf(weights, name),
    })),
    ...model.buffers.map(({ name, shape, isCount }) => ({
      name,
      shape,
      dtype: isCount === true ? ("I64" as const) : ("F32" as const),
      values: isCount === true ? new Float32Array(1) : valuesOf(weights, name),
    })),
  ]);
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const processor = { image_processor_type: "ViTImageProcessor", size: { height: side, width: side } };
  await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(processor));
}

function valuesOf(weights: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const values = weights.get(name);
  if (values === undefined) throw new Error(`${name} has no values`);
  return values;
}

/** The logits that our own engine gives for pixels [images, 3, height, width]. */
export async function imageLogitsOf(
  folder: string,
  pixels: Float32Array,
  shape: readonly number[],
): Promise<Float32Array> {
  const model = await openModel(folder, { threads: 1 });
  try {
    const batch = { tensors: new Map([["pixel_values", float32Tensor(pixels, shape)]]), weight: 1 };
    return await model.predictionPrograms.use(batch, async (program) => {
      await program.forward();
      return program.logits().slice();
    });
  } finally {
    await model.release();
  }
}
