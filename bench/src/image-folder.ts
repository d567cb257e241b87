/** Checkpoints of networks over images with random weights, and images that fill their batches. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sizeOf } from "@nanoadam/engine";
import { defineModel, initialValues, writeSafetensors } from "nanoadam";
import sharp from "sharp";

/** Images of a step, and their side. */
export const imageBatch = { images: 8, side: 224 } as const;

/** Configurations as published: ViT-Base with patches of 16 pixels, and ResNet-50. */
export const imageModels = {
  "ViT-Base": { model_type: "vit", architectures: ["ViTForImageClassification"] },
  "ResNet-50": { model_type: "resnet", architectures: ["ResNetForImageClassification"] },
} as const satisfies Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export type ImageModelName = keyof typeof imageModels;

const classes = 2;

/**
 * Calls `work` with a temporary folder that has a checkpoint (`model`), and images in two classes: those of two batches (`train`) and two
 * (`eval`), of the size that the network takes in, so that nothing is resized.
 */
export async function withImageFolder<Result>(
  config: Readonly<Record<string, unknown>>,
  work: (folder: string) => Promise<Result> | Result,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-bench-"));
  try {
    await writeImageModel(join(folder, "model"), config);
    await writeImages(join(folder, "train"), imageBatch.images);
    await writeImages(join(folder, "eval"), 1);
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function writeImageModel(folder: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  mkdirSync(folder);
  const model = defineModel(config, { kind: "outputs", per: "example", outputs: classes });
  const parameters = model.parameters.map((parameter) => ({
    name: parameter.name,
    shape: parameter.shape,
    dtype: "F32" as const,
    values: () => initialValues(model, parameter, 0),
  }));
  const buffers = model.buffers.map(({ name, shape, initial, isCount }) => ({
    name,
    shape,
    dtype: isCount === true ? ("I64" as const) : ("F32" as const),
    values: () => new Float32Array(sizeOf(shape)).fill(initial),
  }));
  await writeSafetensors(join(folder, "model.safetensors"), [...parameters, ...buffers]);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const { side } = imageBatch;
  const processor = { image_processor_type: "ViTImageProcessor", size: { height: side, width: side } };
  writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(processor));
}

async function writeImages(folder: string, imagesOfClass: number): Promise<void> {
  const { side } = imageBatch;
  for (let label = 0; label < classes; label++) {
    const ofClass = join(folder, `class ${label}`);
    mkdirSync(ofClass, { recursive: true });
    for (let image = 0; image < imagesOfClass; image++) {
      const step = 1 + 2 * label + 4 * image;
      const pixels = Uint8Array.from({ length: side * side * 3 }, (_, place) => ((place * step) >> 6) % 256);
      const raw = { width: side, height: side, channels: 3 } as const;
      await sharp(pixels, { raw })
        .jpeg()
        .toFile(join(ofClass, `${image}.jpg`));
    }
  }
}
