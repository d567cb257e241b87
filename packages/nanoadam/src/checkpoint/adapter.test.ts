import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { type RawTensor, rawTensor, writeTensors } from "../testing/tensors.js";
import { openModelFolder, peftName } from "./adapter.js";
import { narrowToBfloat16 } from "./floats.js";

const rank = 2;
const alpha = 3;

function numbers(length: number, factor: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(factor * (i + 1)));
}

/** An adapter of a layer [outputs, inputs] with a bias, which has the head whole; and the layer's merged weight. */
async function adapterFolder(outputs: number, inputs: number) {
  const folder = await temporaryFolder();
  const base = join(folder, "base");
  await mkdir(base);
  await writeFile(join(base, "config.json"), "{}");
  const weight = numbers(outputs * inputs, 1);
  const baseTensors: Record<string, RawTensor> = {
    "layer.weight": rawTensor([outputs, inputs], weight),
    "layer.bias": rawTensor([outputs], numbers(outputs, 2)),
    "head.weight": rawTensor([3], numbers(3, 3)),
  };
  await writeTensors(join(base, "model.safetensors"), new Map(Object.entries(baseTensors)));
  const [down, up] = [numbers(rank * inputs, 0.3), numbers(outputs * rank, 0.7)];
  const adapterTensors: Record<string, RawTensor> = {
    [peftName("layer.lora_A.weight")]: rawTensor([rank, inputs], down),
    [peftName("layer.lora_B.weight")]: rawTensor([outputs, rank], up),
    [peftName("head.weight")]: rawTensor([3], Float32Array.of(1, 2, 3)),
  };
  await writeTensors(join(folder, "adapter_model.safetensors"), new Map(Object.entries(adapterTensors)));
  const config = { peft_type: "LORA", r: rank, lora_alpha: alpha, base_model_name_or_path: base };
  await writeFile(join(folder, "adapter_config.json"), JSON.stringify(config));
  const merged = weight.map((value, index) => {
    const [output, input] = [Math.floor(index / inputs), index % inputs];
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += (up[output * rank + r] ?? 0) * (down[r * inputs + input] ?? 0);
    return value + (alpha / rank) * sum;
  });
  return { folder, merged };
}

function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  narrowToBfloat16(values, bits);
  return bits;
}

test("every range of an adapted weight is that of the merged weight, in both formats", async () => {
  const { folder, merged } = await adapterFolder(6, 5);
  const checkpoint = await openModelFolder(folder);
  expect(await checkpoint.readFloat32("layer.weight")).toEqual(merged);
  await fc.assert(
    fc.asyncProperty(fc.nat(30), fc.nat(30), async (a, b) => {
      const [start, end] = [Math.min(a, b), Math.max(a, b)];
      const [wide, halves] = [new Float32Array(end - start), new Uint16Array(end - start)];
      await checkpoint.read("layer.weight", wide, start);
      await checkpoint.read("layer.weight", halves, start);
      expect(wide).toEqual(merged.slice(start, end));
      expect(halves).toEqual(toBfloat16(merged.slice(start, end)));
    }),
  );
  await checkpoint.close();
});

test("an adapted weight longer than one piece is read whole", async () => {
  const { folder, merged } = await adapterFolder(600, 501);
  const checkpoint = await openModelFolder(folder);
  const halves = new Uint16Array(merged.length - 3);
  await checkpoint.read("layer.weight", halves, 3);
  const wide = await checkpoint.readFloat32("layer.weight");
  await checkpoint.close();
  expect(Buffer.compare(new Uint8Array(wide.buffer), new Uint8Array(merged.buffer))).toBe(0);
  expect(Buffer.compare(new Uint8Array(halves.buffer), new Uint8Array(toBfloat16(merged.slice(3)).buffer))).toBe(0);
});

test("what the adapter has whole replaces the base's, and the rest is the base's", async () => {
  const { folder } = await adapterFolder(6, 5);
  const checkpoint = await openModelFolder(folder);
  const [head, bias] = [new Float32Array(2), new Float32Array(6)];
  await checkpoint.read("head.weight", head, 1);
  await checkpoint.read("layer.bias", bias);
  expect([...head]).toEqual([2, 3]);
  expect(bias).toEqual(numbers(6, 2));
  await checkpoint.close();
});

test("a range outside an adapted weight and an unknown tensor are refused by name", async () => {
  const { folder } = await adapterFolder(6, 5);
  const checkpoint = await openModelFolder(folder);
  await expect(checkpoint.read("layer.weight", new Uint16Array(2), 29)).rejects.toThrow(
    /base\/model\.safetensors: tensor "layer\.weight" has shape \[6, 5\].* elements 29 to 31 were asked for/,
  );
  await expect(checkpoint.read("other.weight", new Float32Array(1))).rejects.toThrow(/has no tensor "other\.weight"/);
  await checkpoint.close();
});
