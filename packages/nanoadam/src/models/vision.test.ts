import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { readFixture, sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { openCheckpoint } from "../checkpoint/checkpoint.js";
import { parameterFinder } from "../checkpoint/parameter-names.js";
import { loadPretrained } from "../checkpoint/pretrained.js";
import { float32Tensor } from "../data/batch.js";
import { imageProcessor } from "../data/images/image-processor.js";
import { readImages } from "../data/images/read-images.js";
import { dataSource } from "../data/source.js";
import { ProgramCache } from "../program/program-cache.js";
import { defineModel, hiddenSizeOf } from "./architectures.js";
import { bicubicWeights } from "./bicubic.js";

describe.skipIf(!sharedDataIsPresent)("the ResNets for CIFAR", () => {
  test.each(["cifar-resnet20", "cifar-resnet56"])("%s: the reference logits of eight images", async (name) => {
    const folder = join(sharedDataFolder, "models", name);
    const checkpoint = await openCheckpoint(folder);
    const { model, weights } = await loadPretrained(checkpoint, { kind: "outputs", per: "example", outputs: 10 }, 0);
    await checkpoint.close();
    const file = join(folder, "preprocessor_config.json");
    const processor = imageProcessor(JSON.parse(readFileSync(file, "utf8")), file);
    const entries = await readImages(dataSource(join(sharedDataFolder, "cifar10", "test_2000.bin"), { limit: 8 }));
    const numbers = await Promise.all(entries.map(async (each) => processor.numbers(processor.fit(await each.read()))));
    const pixels = Float32Array.from(numbers.flatMap((each) => [...each]));
    const tensors = new Map([["pixel_values", float32Tensor(pixels, [8, 3, 32, 32])]]);
    const runtime = await cpuRuntime({ threads: 1 });
    const programs = new ProgramCache({ model, weights, runtime, arena: new Arena() });
    const expected = readFixture(join(folder, "reference_logits.safetensors")).tensors.get("logits")?.values ?? [];
    await programs.use({ tensors, weight: 8 }, async (program) => {
      await program.forward();
      program.logits().forEach((logit, i) => {
        expect(Math.abs(logit - (expected[i] ?? Number.NaN))).toBeLessThan(1e-4);
      });
    });
    await programs.release();
  });
});

describe("names that other libraries give tensors", () => {
  const found = (config: Readonly<Record<string, unknown>>, names: Readonly<Record<string, readonly number[]>>) => {
    const model = defineModel(config, { kind: "outputs", per: "example", outputs: 2 });
    const entries = Object.entries(names).map(
      ([name, shape]) => [name, { name, shape, dtype: "F32" as const, start: 0, end: 0, file: "timm" }] as const,
    );
    return parameterFinder(new Map(entries), model);
  };
  const vit = { model_type: "vit", hidden_size: 4, num_attention_heads: 2, intermediate_size: 8, num_hidden_layers: 1 };

  test("timm has a ViT's queries, keys and values in one tensor", () => {
    const find = found(vit, { cls_token: [1, 1, 4], "blocks.0.attn.qkv.weight": [12, 4], "head.bias": [2] });
    const key = find("vit.encoder.layer.0.attention.attention.key.weight");
    expect(key).toMatchObject({ shape: [4, 4], start: 16, entry: { name: "blocks.0.attn.qkv.weight" } });
    expect(find("vit.embeddings.cls_token")?.entry.name).toBe("cls_token");
    expect(find("classifier.bias")?.entry.name).toBe("head.bias");
  });

  test("transformers 5 calls layers otherwise than it writes them", () => {
    const find = found(vit, { "vit.layers.0.attention.o_proj.bias": [4], "vit.layers.0.mlp.fc2.weight": [4, 8] });
    expect(find("vit.encoder.layer.0.attention.output.dense.bias")?.shape).toEqual([4]);
    expect(find("vit.encoder.layer.0.output.dense.weight")?.shape).toEqual([4, 8]);
  });

  test("timm and torchvision count a ResNet's layers from one", () => {
    const find = found(
      { model_type: "resnet" },
      { "conv1.weight": [], "layer2.0.downsample.1.running_var": [], "layer1.2.conv3.weight": [], "fc.weight": [] },
    );
    const nameOf = (name: string) => find(name)?.entry.name;
    expect(nameOf("resnet.embedder.embedder.convolution.weight")).toBe("conv1.weight");
    expect(nameOf("resnet.encoder.stages.1.layers.0.shortcut.normalization.running_var")).toBe(
      "layer2.0.downsample.1.running_var",
    );
    expect(nameOf("resnet.encoder.stages.0.layers.2.layer.2.convolution.weight")).toBe("layer1.2.conv3.weight");
    expect(nameOf("classifier.1.weight")).toBe("fc.weight");
  });
});

test("bicubic interpolation is the identity at the same size, and PyTorch's at another", () => {
  expect(bicubicWeights(3, 3)).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  // torch.nn.functional.interpolate of [0, 1] to three values.
  const rows = [0, 1, 2].map((row) => bicubicWeights(2, 3)[2 * row + 1] ?? 0);
  expect(rows.map((value) => Math.round(1e4 * value) / 1e4)).toEqual([-0.0868, 0.5, 1.0868]);
});

test("a configuration that leaves out the width has the architecture's usual one", () => {
  expect(hiddenSizeOf({ model_type: "vit" })).toBe(768);
  expect(hiddenSizeOf({ model_type: "resnet" })).toBe(2048);
  expect(hiddenSizeOf({ model_type: "resnet", hidden_sizes: [8, 16], depths: [1, 1] })).toBe(16);
});

test("a ConvNeXt that drops paths by chance is refused by name", () => {
  const define = () =>
    defineModel({ model_type: "convnext", drop_path_rate: 0.1 }, { kind: "outputs", per: "example", outputs: 2 });
  expect(define).toThrow(/drop_path_rate.*stochastic depth is not built, expected 0/);
});

test("a ConvNeXt with another number of stages than it has depths for is refused by name", () => {
  const config = { model_type: "convnext", num_stages: 3, hidden_sizes: [8, 16], depths: [1, 2] };
  const define = () => defineModel(config, { kind: "outputs", per: "example", outputs: 2 });
  expect(define).toThrow(/num_stages.*is not the number of entries of depths/);
});
