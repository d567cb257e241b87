/**
 * What transformers makes of the folders that runs on networks over images write, of statistics after a pass, and of images. The judge
 * is a Python that has it, which PEER_HF names, as `shared/tools/peer-hf/setup.sh DIR` installs it: PEER_HF=DIR/bin/python.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { openModelFolder } from "../checkpoint/adapter.js";
import { loadPretrained } from "../checkpoint/pretrained.js";
import { type Batch, float32Tensor, int32Tensor } from "../data/batch.js";
import { imageFile } from "../data/images/image-entry.js";
import { loadImageProcessor } from "../data/images/load-processor.js";
import { ProgramCache } from "../program/program-cache.js";
import { crossEntropy } from "../tasks/loss.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyImagePlace, tinyResnet, tinyVit, writeTinyImageModel } from "../testing/tiny-images.js";
import { finetune } from "./finetune.js";

const python = process.env.PEER_HF;
const script = fileURLToPath(new URL("../../../../testing/judge_images.py", import.meta.url));
const flowers = fileURLToPath(new URL("../../../../../shared/data/flowers5/flowers/", import.meta.url));

interface Question {
  readonly folder: string;
  readonly images?: readonly string[];
  readonly pixels?: string;
  readonly shape?: readonly number[];
}

interface Answer {
  readonly pixels: string;
  readonly shape: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly unfit: readonly string[];
  readonly buffers: Readonly<Record<string, readonly number[]>>;
}

async function judged(folder: string, questions: readonly Question[]): Promise<readonly Answer[]> {
  const [request, answer] = [join(folder, "request.json"), join(folder, "answer.json")];
  await writeFile(request, JSON.stringify(questions));
  await promisify(execFile)(String(python), [script, request, answer], {
    env: { ...process.env, HF_HUB_OFFLINE: "1" },
  });
  return JSON.parse(await readFile(answer, "utf8")) as Answer[];
}

const shape = [5, 3, 24, 24];
const pixels = Float32Array.from(
  { length: 5 * 3 * 24 * 24 },
  (_, at) => Math.sin(at * 0.37) + Math.cos(at * at * 0.011),
);

/** Our own answer: logits, and the statistics after a pass of training. */
async function answerOf(folder: string): Promise<Pick<Answer, "logits" | "buffers">> {
  const checkpoint = await openModelFolder(folder);
  const outputs = Object.keys((checkpoint.config.id2label as object | undefined) ?? {}).length;
  const head = { kind: "outputs", per: "example", outputs } as const;
  const { model, weights } = await loadPretrained(checkpoint, head, 0).finally(() => checkpoint.close());
  const runtime = await cpuRuntime({ threads: 1 });
  const batch: Batch = {
    tensors: new Map([
      ["pixel_values", float32Tensor(pixels, shape)],
      ["labels", int32Tensor(new Int32Array(5), [5])],
    ]),
    weight: 5,
  };
  const shared = { model, weights, runtime, arena: new Arena() };
  const programs = new ProgramCache(shared);
  const logits = await programs.use(batch, async (program) => {
    await program.forward();
    const all = [...program.logits()];
    return Array.from({ length: 5 }, (_, row) => all.slice(row * outputs, (row + 1) * outputs));
  });
  const training = new ProgramCache({
    ...shared,
    loss: (values, target) => crossEntropy(values, target("labels")),
    training: { dropout: 0, form: () => "dense" },
  });
  await training.use(batch, (program) => program.forward());
  await programs.release();
  await training.release();
  return {
    logits,
    buffers: Object.fromEntries(model.buffers.map(({ name }) => [name, [...(weights.get(name) ?? [])]])),
  };
}

function largestDifference(found: readonly number[], expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...found.map((value, place) => Math.abs(value - (expected[place] ?? Number.NaN)))) / scale;
}

const bottleneck = { ...tinyResnet, layer_type: "bottleneck", hidden_sizes: [8, 16], depths: [2, 1] };

test.skipIf(python === undefined)(
  "folders that runs write: logits to 1e-4, and the statistics after one more pass (needs PEER_HF)",
  { timeout: 300_000 },
  async () => {
    const questions: Question[] = [];
    const kinds = {
      vit: tinyVit,
      "vit of another size": { ...tinyVit, image_size: 32, qkv_bias: false },
      deit: { ...tinyVit, model_type: "deit" },
      basic: tinyResnet,
      bottleneck,
      "downsampled in the first stage": { ...bottleneck, downsample_in_first_stage: true },
      "downsampled in the bottleneck": { ...bottleneck, downsample_in_bottleneck: true },
      convnext: { model_type: "convnext", num_stages: 2, hidden_sizes: [8, 16], depths: [1, 2], num_labels: 3 },
    };
    const { folder, images } = await tinyImagePlace(tinyVit, 4);
    const given = join(folder, "pixels");
    await writeFile(given, pixels);
    for (const [name, config] of Object.entries(kinds)) {
      const model = join(folder, `base ${name}`);
      await writeTinyImageModel(model, config);
      for (const optimizer of ["nanoadam", "adamw"] as const) {
        const output = join(folder, `${name} ${optimizer}`);
        const settings = { batchSize: 6, steps: 5, threads: 1, learningRate: 1e-2, optimizer };
        await finetune({ model, train: images, eval: images, output, ...settings });
        questions.push({ folder: output, pixels: given, shape });
      }
    }
    const answers = await judged(folder, questions);
    for (const [place, { folder: output }] of questions.entries()) {
      const [own, judge] = [await answerOf(output), answers[place]];
      expect(judge?.unfit, output).toEqual([]);
      expect(largestDifference(own.logits.flat(), judge?.logits.flat() ?? []), output).toBeLessThan(1e-4);
      expect(Object.keys(own.buffers).sort(), output).toEqual(Object.keys(judge?.buffers ?? {}).sort());
      for (const [name, values] of Object.entries(own.buffers)) {
        expect(largestDifference(values, judge?.buffers[name] ?? []), `${output} ${name}`).toBeLessThan(1e-5);
      }
    }
  },
);

const processors = {
  "stretched to a square": { image_processor_type: "ViTImageProcessor", size: { height: 64, width: 64 } },
  enlarged: { image_processor_type: "ViTImageProcessor", size: { height: 224, width: 224 } },
  "a number for a size": {
    image_processor_type: "ViTImageProcessor",
    size: 32,
    resample: 2,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
  },
  "cropped after resizing, bicubic": {
    image_processor_type: "DeiTImageProcessor",
    size: { height: 80, width: 80 },
    crop_size: { height: 64, width: 64 },
  },
  "by the shorter edge, as ResNet": {
    image_processor_type: "ConvNextImageProcessor",
    size: { shortest_edge: 96 },
    crop_pct: 0.875,
  },
};

describe.skipIf(python === undefined || !existsSync(flowers))(
  "images of flowers, to 1e-2 of a standard deviation (needs PEER_HF and shared/data)",
  () => {
    test.each(Object.entries(processors))("%s", { timeout: 120_000 }, async (_, config) => {
      const folder = await temporaryFolder();
      const model = join(folder, "model");
      await mkdir(model);
      await writeFile(
        join(model, "config.json"),
        JSON.stringify({ ...tinyVit, architectures: ["ViTForImageClassification"] }),
      );
      await writeFile(join(model, "preprocessor_config.json"), JSON.stringify(config));
      const images = readdirSync(flowers).flatMap((name) =>
        readdirSync(join(flowers, name))
          .slice(0, 8)
          .map((file) => join(flowers, name, file)),
      );
      const [answer] = await judged(folder, [{ folder: model, images }]);
      const bytes = await readFile(String(answer?.pixels));
      const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
      const processor = (await loadImageProcessor(model, 3)).images;
      expect(answer?.shape).toEqual([images.length, 3, processor.height, processor.width]);
      const size = 3 * processor.height * processor.width;
      for (const [place, path] of images.entries()) {
        const numbers = processor.numbers(processor.fit(await imageFile(path).read()));
        const worst = numbers.reduce(
          (most, value, at) => Math.max(most, Math.abs(value - (expected[place * size + at] ?? Number.NaN))),
          0,
        );
        expect(worst, path).toBeLessThan(1e-2);
      }
    });
  },
);
