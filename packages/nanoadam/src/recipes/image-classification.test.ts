import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../data/images/decode.js";
import { AbortError } from "../errors.js";
import { tinyImagePlace, tinyResnet, tinyVit } from "../testing/tiny-images.js";
import { weightsOf } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";
import { finetune } from "./finetune.js";
import { predict } from "./predict.js";
import { predictFile } from "./predict-file.js";
import { resumeFinetuning } from "./resume.js";

const settings = { batchSize: 6, steps: 24, threads: 1, dropout: 0 };

describe.each([
  ["ViT", tinyVit, 5e-3],
  ["ResNet", tinyResnet, 2e-2],
] as const)("a %s", (_name, config, learningRate) => {
  test("learns classes of images, and the folder that it writes is opened again", async () => {
    const { folder, model, images } = await tinyImagePlace(config);
    const output = join(folder, "out");
    const summary = await finetune({ model, train: images, output, ...settings, learningRate, optimizer: "adamw" });
    expect(summary.task).toBe("image-classification");
    expect(summary.data.classes?.map(({ name }) => name).toSorted()).toEqual(["blue", "green", "red"]);
    const report = await evaluate({ model: output, data: images, threads: 1 });
    expect(report.evaluation.accuracy).toBeGreaterThan(0.9);
    const [prediction] = await predict({ model: output, image: join(images, "green", "0.png"), threads: 1 });
    expect(prediction).toMatchObject({ text: join(images, "green", "0.png"), label: "green" });
    const file = async (of: string) => readFile(join(of, "preprocessor_config.json"), "utf8");
    expect(await file(output)).toBe(await file(model));
  });
});

test("statistics follow the batches, once each, with checkpointing as without", async () => {
  const { folder, model, images } = await tinyImagePlace(tinyResnet, 4);
  const run = async (checkpointing: "none" | "stage") => {
    const output = join(folder, checkpointing);
    await finetune({ model, train: images, eval: images, output, ...settings, steps: 3, checkpointing });
    return weightsOf(output);
  };
  const [plain, checkpointed] = [await run("none"), await run("stage")];
  const count = plain.get("resnet.embedder.embedder.normalization.num_batches_tracked");
  expect(count).toMatchObject({ dtype: "I64", shape: [] });
  expect(new BigInt64Array(Uint8Array.from(count?.bytes ?? []).buffer)[0]).toBe(3n);
  expect(checkpointed).toEqual(plain);
});

test("a run that was interrupted goes on with its statistics, and ends in the same bits", async () => {
  const { folder, model, images } = await tinyImagePlace(tinyResnet, 4);
  const input = { model, train: images, eval: images, ...settings, steps: 6, saveEvery: 2, augment: "crop" as const };
  const [whole, cut] = [join(folder, "whole"), join(folder, "cut")];
  await finetune({ ...input, output: whole });
  const controller = new AbortController();
  const observer = { onStep: ({ step }: { readonly step: number }) => void (step === 3 && controller.abort()) };
  const run = finetune({ ...input, output: cut }, { observers: [observer], signal: controller.signal });
  await expect(run).rejects.toThrow(AbortError);
  await resumeFinetuning(cut);
  expect(await weightsOf(cut)).toEqual(await weightsOf(whole));
});

test("chance changes training images alone, and repeats", async () => {
  const { folder, model, images } = await tinyImagePlace(tinyVit, 4);
  const run = async (name: string, augment: "none" | "crop") => {
    const output = join(folder, name);
    await finetune({ model, train: images, eval: images, output, ...settings, steps: 4, augment });
    return weightsOf(output);
  };
  const [first, again, plain] = [await run("a", "crop"), await run("b", "crop"), await run("c", "none")];
  expect(again).toEqual(first);
  expect(plain).not.toEqual(first);
});

test("a table of paths, which count from its folder, and predictions beside the names of the images", async () => {
  const { folder, model, images } = await tinyImagePlace(tinyVit, 4);
  const rows = ["red", "green", "blue"].flatMap((label) =>
    [0, 1, 2].map((index) => `images/${label}/${index}.png,${label}`),
  );
  const train = join(folder, "train.csv");
  await writeFile(train, `path,label\n${rows.join("\n")}\n`);
  const output = join(folder, "out");
  await finetune({ model, train, output, ...settings, steps: 2 });
  const written = join(folder, "told.csv");
  expect(await predictFile({ model: output, data: images, output: written, threads: 1 })).toBe(12);
  const [header, line] = (await readFile(written, "utf8")).split("\n");
  expect(header).toBe("image,label,probability");
  expect(line?.startsWith(join(images, "blue", "0.png"))).toBe(true);
});

test("a report shows the images that it got most wrong", async () => {
  const { folder, model, images } = await tinyImagePlace(tinyVit, 4);
  const report = join(folder, "report.html");
  const { review } = await finetune({
    model,
    train: images,
    eval: images,
    output: join(folder, "out"),
    ...settings,
    report,
    steps: 1,
    learningRate: 1e-7,
  });
  const { document } = parseHTML(await readFile(report, "utf8"));
  const shown = [...document.querySelectorAll(".rows img")];
  expect(shown.map((image) => image.getAttribute("alt"))).toEqual(review.mistakes?.map(({ text }) => text));
  expect(shown.length).toBeGreaterThan(0);
  const [first] = shown;
  const address = first?.getAttribute("src") ?? "";
  expect(address).toMatch(/^data:image\/jpeg;base64,/);
  const shownImage = await decodeImage(Buffer.from(address.slice(address.indexOf(",") + 1), "base64"), "thumbnail");
  const whole = await sharp(review.mistakes?.[0]?.text).metadata();
  expect([shownImage.width, shownImage.height]).toEqual([whole.width, whole.height]);
  expect(review.verdict).toContain("12 held-out images");
});

test("what does not go together is refused by name", async () => {
  const { folder, model, images } = await tinyImagePlace(tinyVit, 1);
  const run = (options: object) =>
    finetune({ model, train: images, output: join(folder, "out"), ...settings, ...options });
  await expect(run({ task: "regression" })).rejects.toThrow("`task` is regression, but the model takes in images");
  await expect(run({ maxLength: 12 })).rejects.toThrow("`maxLength` is for texts");
  await writeFile(join(images, "red", "0.png"), "no image");
  await expect(run({ steps: 1, eval: images })).rejects.toThrow(/red\/0\.png could not be read as an image/);
});
