/** Exported models of images, loaded by Transformers.js in Node as a web page would load them. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AutoModelForImageClassification, pipeline, Tensor } from "@huggingface/transformers";
import { onnxFile } from "@nanoadam/engine";
import { expect, test } from "vitest";
import { wholeModel } from "../export/whole-model.js";
import { defineModel } from "../models/architectures.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import {
  imageLogitsOf,
  tinyCifarResnet,
  tinyImagePlace,
  tinyResnet,
  tinyVit,
  writeDrawnImageModel,
} from "../testing/tiny-images.js";
import { localName } from "../testing/transformers-local.js";
import { exportModel } from "./export.js";
import { finetune } from "./finetune.js";
import { predict } from "./predict.js";

const networks: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  vit: tinyVit,
  "vit for images of another size": { ...tinyVit, image_size: 32 },
  deit: { ...tinyVit, model_type: "deit" },
  resnet: tinyResnet,
  "resnet with bottlenecks": { ...tinyResnet, layer_type: "bottleneck", hidden_sizes: [8, 16], depths: [2, 1] },
  cifar_resnet: tinyCifarResnet,
  convnext: { model_type: "convnext", patch_size: 4, hidden_sizes: [4, 8], depths: [1, 1], image_size: 24 },
};

const shape = [2, 3, 24, 24];
const pixels = Float32Array.from({ length: 2 * 3 * 24 * 24 }, (_, i) => Math.sin(i * 0.37) + Math.cos(i * 0.011));

async function theirLogits(exported: string, dtype: "fp32" | "fp16" | "q8"): Promise<readonly number[]> {
  const model = await AutoModelForImageClassification.from_pretrained(localName(exported), { dtype });
  try {
    const { logits } = (await model({ pixel_values: new Tensor("float32", pixels, shape) })) as { logits: Tensor };
    expect(logits.dims).toEqual([2, 3]);
    return Array.from(logits.data as Float32Array);
  } finally {
    await model.dispose();
  }
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Number.NaN))));
}

test.each(Object.entries(networks))("a %s gives the same logits in Transformers.js", async (_, config) => {
  const place = await temporaryFolder();
  const folder = await writeDrawnImageModel(join(place, "model"), config);
  const exported = join(place, "exported");
  await exportModel({ model: folder, format: "onnx", dtype: "float32,float16,int8", output: exported });
  const own = [...(await imageLogitsOf(folder, pixels, shape))];
  const spread = Math.max(...own) - Math.min(...own);
  expect(largestDifference(await theirLogits(exported, "fp32"), own)).toBeLessThan(1e-4);
  expect(largestDifference(await theirLogits(exported, "fp16"), own)).toBeLessThan(0.01 * spread);
  const quantised = largestDifference(await theirLogits(exported, "q8"), own);
  expect(quantised).toBeLessThan(0.15 * spread);
  expect(quantised).toBeGreaterThan(0);
});

test.each(Object.entries(networks))("the number of images is no part of the graph of a %s", (_, config) => {
  const model = defineModel(config, { kind: "outputs", per: "example", outputs: 3 });
  const [first, second] = [0, 2].map((skip) => {
    const whole = wholeModel(model, { imageSize: [24, 24], skip });
    return onnxFile(whole.tensors, { ...whole, precision: "float32", dataFile: "data" }).model;
  });
  expect(first).toEqual(second);
});

test("convolutions of 8 bits have a quarter of the bytes", async () => {
  const place = await temporaryFolder();
  const config = { ...tinyResnet, embedding_size: 32, hidden_sizes: [64, 128] };
  const folder = await writeDrawnImageModel(join(place, "model"), config);
  const exported = join(place, "exported");
  await exportModel({ model: folder, format: "onnx", dtype: "float32,int8", output: exported });
  const size = async (name: string) => (await stat(join(exported, "onnx", name))).size;
  expect((await size("model_quantized.onnx")) / (await size("model.onnx"))).toBeLessThan(0.3);
});

test("a trained model answers in a pipeline as `predict` does, whatever its image processor leaves unsaid", async () => {
  const { folder, model, images } = await tinyImagePlace(tinyResnet, 4);
  const processor = { image_processor_type: "DeiTImageProcessor", size: 30, crop_size: { height: 24, width: 24 } };
  await writeFile(join(model, "preprocessor_config.json"), JSON.stringify({ ...processor, do_resize: false }));
  const [trained, exported] = [join(folder, "trained"), join(folder, "exported")];
  await finetune({ model, train: images, output: trained, steps: 12, batchSize: 6, threads: 1, dropout: 0 });
  await exportModel({ model: trained, format: "onnx", output: exported });
  expect(JSON.parse(await readFile(join(exported, "preprocessor_config.json"), "utf8"))).toMatchObject({
    do_center_crop: true,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
  });
  const image = join(images, "green", "0.png");
  const classify = await pipeline("image-classification", localName(exported), { dtype: "fp32" });
  try {
    const answers = await classify(image, { top_k: 1 });
    const [prediction] = await predict({ model: trained, image, threads: 1 });
    const { label, probability } = prediction as { label: string; probability: number };
    expect(answers).toEqual([{ label, score: expect.closeTo(probability, 5) }]);
  } finally {
    await classify.dispose();
  }
});

test("llama.cpp takes no images", async () => {
  const place = await temporaryFolder();
  const model = await writeDrawnImageModel(join(place, "model"), tinyVit);
  await expectRefusal(exportModel({ model, format: "gguf", output: join(place, "out") }), /takes in images/);
});
