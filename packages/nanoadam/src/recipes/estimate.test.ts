/** Estimates, held to what runs say of themselves; `npm run bench -- --only estimate` holds them to measured memory. */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseFinetuneOptions } from "../options/finetune-options.js";
import { optimizerNames, selectsEntries } from "../options/optimizers.js";
import { expectRefusal } from "../testing/refusal.js";
import { runCli } from "../testing/run-cli.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyImagePlace, tinyResnet, tinyVit } from "../testing/tiny-images.js";
import { tinyInput, tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { prepareRun } from "../train/prepare.js";
import { estimate } from "./estimate.js";
import { finetune } from "./finetune.js";
import { requireMemory } from "./require-memory.js";

test.each(optimizerNames)("%s: parameters and states are those of a run", async (optimizer) => {
  const place = await tinyPlace();
  const settings = { optimizer, ...(selectsEntries(optimizer) ? { density: 0.25, finalDensity: 0.25 } : {}) };
  const { summary } = await tinyRun(settings, place);
  const { parameters, memory, byOptimizer } = await estimate({ model: place.model, batchSize: 8, ...settings });
  expect(parameters.total).toBe(summary.parameters.total);
  expect(memory.states).toBe(summary.optimizerStateBytes);
  expect(memory.weights).toBe(4 * parameters.total);
  expect(Object.keys(byOptimizer)).toEqual(optimizerNames);
  expect(byOptimizer[optimizer]).toEqual(memory);
  const parts = [memory.weights, memory.states, memory.gradients, memory.activations, memory.program];
  expect(memory.peak).toBe(parts.reduce((sum, part) => sum + part, 0));
});

test("a configuration alone says the same as with weights", async () => {
  const place = await tinyPlace({ head: "masked-lm" });
  const bare = join(place.folder, "bare");
  await mkdir(bare);
  await copyFile(join(place.model, "config.json"), join(bare, "config.json"));
  const options = { task: "masked-lm", batchSize: 4, maxLength: 16 } as const;
  const [whole, alone] = [
    await estimate({ model: place.model, ...options }),
    await estimate({ model: bare, ...options }),
  ];
  expect(alone).toEqual({ ...whole });
  await expectRefusal(estimate({ model: bare, ...options, measure: true }), "`measure`", bare);
});

test.each(["classification", "regression", "multi-label", "token-classification", "masked-lm"] as const)(
  "%s can be estimated, and measured by taking steps",
  async (task) => {
    const place = await tinyPlace({ head: "masked-lm" });
    const options = { model: place.model, task, labels: 3, batchSize: 2, steps: 10, threads: 1, measure: true };
    const { measured, memory } = await estimate(options);
    expect(measured?.stepMilliseconds).toBeGreaterThan(0);
    expect(measured?.seconds).toBeCloseTo((10 * (measured?.stepMilliseconds ?? 0)) / 1000);
    expect(memory.activations).toBeGreaterThan(0);
  },
);

test("a run without clipping holds the gradients of one layer at a time, in steps of one batch", async () => {
  const place = await tinyPlace();
  const saved = async (layers: number, accumulate = 1) => {
    const config = { ...tinyDecoders.qwen3, num_hidden_layers: layers };
    const model = await writeTinyDecoder(join(place.folder, `layers-${layers}`), config);
    const gradients = async (clip: number) =>
      (await estimate({ model, task: "causal-lm", maxLength: 8, clip, accumulate })).memory.gradients;
    return (await gradients(1)) - (await gradients(0));
  };
  const [two, three, four] = [await saved(2), await saved(3), await saved(4)];
  expect(two).toBeGreaterThan(0);
  expect(three).toBeGreaterThan(two);
  expect(four - three).toBe(three - two);
  expect(await saved(4, 2)).toBe(0);
});

test.each([
  ["ViT", tinyVit],
  ["ResNet", tinyResnet],
] as const)(
  "a %s can be estimated, with weights or a configuration alone, and measured by taking steps",
  async (_, config) => {
    const { model, folder } = await tinyImagePlace(config, 2);
    const bare = join(folder, "bare");
    await mkdir(bare);
    for (const file of ["config.json", "preprocessor_config.json"]) await copyFile(join(model, file), join(bare, file));
    const options = { labels: 3, batchSize: 2, optimizer: "adamw" } as const;
    const { measured, ...whole } = await estimate({ model, ...options, steps: 10, threads: 1, measure: true });
    expect(measured?.stepMilliseconds).toBeGreaterThan(0);
    expect(whole.imageSize).toEqual([24, 24]);
    expect(whole.maxLength).toBeUndefined();
    expect(whole.memory.activations).toBeGreaterThan(0);
    expect((await estimate({ model: bare, ...options })).memory).toEqual(whole.memory);
    const run = { train: join(folder, "images"), output: join(folder, "out"), steps: 1, threads: 1 } as const;
    const summary = await finetune({ model, ...run, batchSize: 2, optimizer: "adamw", learningRate: 1e-3 });
    expect(whole.parameters.total).toBe(summary.parameters.total);
    expect(whole.memory.states).toBe(summary.optimizerStateBytes);
    await expectRefusal(estimate({ model, ...options, maxLength: 8 }), /`maxLength` is for texts/);
    await expectRefusal(estimate({ model, ...options, task: "regression" }), /takes in images/);
  },
);

test("a decoder, an adapter and checkpointing: less is trained, and less is kept", async () => {
  const place = await tinyPlace();
  const model = await writeTinyDecoder(join(place.folder, "decoder"), tinyDecoders.llama);
  const options = { model, task: "causal-lm", batchSize: 8, maxLength: 16 } as const;
  const plain = await estimate(options);
  const adapter = await estimate({ ...options, loraRank: 2 });
  expect(plain.architecture).toBe("LlamaForCausalLM");
  expect(adapter.parameters.trained).toBeLessThan(plain.parameters.trained / 4);
  expect(adapter.memory.states).toBeLessThan(plain.memory.states);
  const checkpointed = await estimate({ ...options, checkpointing: "stage" });
  expect(checkpointed.memory.activations).toBeLessThan(plain.memory.activations);
  const way = plain.waysOut.find(({ change }) => change.checkpointing === "stage" && Object.keys(change).length === 1);
  if (way !== undefined) expect(way.peak).toBe(checkpointed.memory.peak);
});

test("a run that cannot fit is refused before its weights are read, with the options that would fit", async () => {
  const place = await tinyPlace();
  const options = parseFinetuneOptions(tinyInput(place, { optimizer: "adamw", batchSize: 32 }));
  const refuse = (limit: number) =>
    prepareRun(options, {
      async beforeWeights(run) {
        const { peak } = await requireMemory(options, run);
        await requireMemory(options, run, limit * peak);
      },
    });
  // As far as estimates err, a run is not refused.
  await (await refuse(0.9)).checkpoint.close();
  await expectRefusal(refuse(0.5), "of memory (weights", "optimizer states", "none of the options", "`maxLength`");
});

test("the command prints a line an optimizer, whether it fits, and what makes it smaller", async () => {
  const { stdout, exitCode } = await runCli("estimate", "--model", "demo", "--batch-size", "64");
  expect(exitCode).toBe(0);
  for (const name of optimizerNames) expect(stdout).toMatch(new RegExp(`^${name} +\\d`, "m"));
  expect(stdout).toMatch(/nanoadam (fits|does not fit): it takes about [\d.]+ MB, and [\d.]+ MB are there/);
  expect(stdout).toContain("--checkpointing stage (");
  const json = await runCli("estimate", "--model", "demo", "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ optimizer: "nanoadam", batchSize: 16, maxLength: 128 });
});
