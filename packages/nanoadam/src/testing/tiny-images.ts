/** Tiny networks over images, and images whose class is their colour, in folders that are removed when the running test is over. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import sharp from "sharp";
import { initialValues } from "../checkpoint/pretrained.js";
import { writeSafetensors } from "../checkpoint/write-safetensors.js";
import { defineModel } from "../models/architectures.js";
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

/** Writes the checkpoint of a network whose weights are drawn. */
export async function writeTinyImageModel(folder: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const model = defineModel(config, { kind: "outputs", per: "example", outputs: 3 });
  await writeSafetensors(join(folder, "model.safetensors"), [
    ...model.parameters.map((parameter) => ({
      name: parameter.name,
      shape: parameter.shape,
      dtype: "F32" as const,
      values: initialValues(model, parameter, 1),
    })),
    ...model.buffers.map(({ name, shape, initial, isCount }) => ({
      name,
      shape,
      dtype: isCount === true ? ("I64" as const) : ("F32" as const),
      values: new Float32Array(sizeOf(shape)).fill(initial),
    })),
  ]);
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const processor = { image_processor_type: "ViTImageProcessor", size: { height: side, width: side } };
  await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(processor));
}
