/** Files of llama.cpp, read back by Hugging Face's reader. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gguf } from "@huggingface/gguf";
import { expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { openModelFolder } from "../checkpoint/adapter.js";
import { widenFloat16 } from "../checkpoint/floats.js";
import { pythonHas, runPython } from "../testing/python.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { bytePairFiles } from "../testing/tiny-tokenizer.js";
import { exportModel } from "./export.js";

async function exported(model: string, dtype = "float32"): Promise<string> {
  const output = join(await temporaryFolder(), "exported");
  await exportModel({ model, format: "gguf", dtype, output });
  return output;
}

async function tinyModel(config: Readonly<Record<string, unknown>>): Promise<string> {
  return writeTinyDecoder(join(await temporaryFolder(), "model"), config);
}

/** What the reader finds in a file, of which it asks ranges as of the Hub. */
async function readHeader(path: string) {
  const bytes = await readFile(path);
  const fetchRange: typeof fetch = async (_, init) => {
    const [, first = "0", last = ""] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get("range") ?? "") ?? [];
    return new Response(Uint8Array.from(bytes.subarray(Number(first), Number(last) + 1)));
  };
  const { metadata, tensorInfos, tensorDataOffset } = await gguf("https://example.test/model.gguf", {
    fetch: fetchRange,
  });
  return { bytes, tensorInfos, tensorDataOffset, metadata: metadata as unknown as Readonly<Record<string, unknown>> };
}

/** The values of a tensor of a file. */
async function readTensor(
  path: string,
  name: string,
): Promise<{ readonly shape: number[]; readonly values: number[] }> {
  const { tensorInfos, tensorDataOffset, bytes: file } = await readHeader(path);
  const info = tensorInfos.find((each) => each.name === name);
  if (info === undefined) throw new Error(`${path} has no ${name}`);
  const shape = info.shape.map(Number).toReversed();
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = file.subarray(Number(tensorDataOffset) + Number(info.offset));
  const half = (place: number) => {
    const wide = new Float32Array(1);
    widenFloat16(Uint16Array.of(bytes.readUInt16LE(place)), wide);
    return wide[0] ?? Number.NaN;
  };
  const readers: Readonly<Record<number, (entry: number) => number>> = {
    0: (entry) => bytes.readFloatLE(4 * entry),
    1: (entry) => half(2 * entry),
    8: (entry) => half(34 * Math.floor(entry / 32)) * bytes.readInt8(34 * Math.floor(entry / 32) + 2 + (entry % 32)),
  };
  const read = readers[info.dtype];
  return { shape, values: Array.from({ length: count }, (_, entry) => read?.(entry) ?? Number.NaN) };
}

async function parameter(folder: string, name: string, count: number): Promise<Float32Array> {
  const checkpoint = await openModelFolder(folder);
  const values = new Float32Array(count);
  await checkpoint.read(name, values);
  await checkpoint.close();
  return values;
}

const wide = { hidden_size: 64, intermediate_size: 48 };
const models = {
  llama: { ...tinyDecoders.llama, ...wide, attention_bias: true, mlp_bias: true, head_dim: 16 },
  mistral: { ...tinyDecoders.llama, ...wide, model_type: "mistral", sliding_window: null },
  qwen2: { ...tinyDecoders.llama, ...wide, model_type: "qwen2" },
  qwen3: { ...tinyDecoders.qwen3, ...wide },
};

test.each(Object.entries(models))("%s is read back", async (name, config) => {
  const folder = await tinyModel(config);
  const output = await exported(folder, "float32,float16,int8");
  const path = join(output, "model-f32.gguf");
  const { metadata, tensorInfos } = await readHeader(path);
  const architecture = name === "mistral" ? "llama" : name;
  expect(metadata).toMatchObject({
    version: 3,
    "general.architecture": architecture,
    "general.file_type": 0,
    [`${architecture}.block_count`]: 3,
    [`${architecture}.attention.head_count`]: 4,
    [`${architecture}.attention.head_count_kv`]: 2,
    [`${architecture}.attention.key_length`]: name === "qwen3" ? 8 : 16,
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.add_bos_token": true,
    "tokenizer.ggml.add_space_prefix": true,
  });
  const { tokens, types } = {
    tokens: metadata["tokenizer.ggml.tokens"] as string[],
    types: metadata["tokenizer.ggml.token_type"] as number[],
  };
  expect([tokens.length, types.length]).toEqual([300, 300]);
  expect([tokens[1], tokens[3], types[0], types[1], types[3]]).toEqual(["<s>", "<0x00>", 2, 3, 6]);
  expect(tensorInfos.some((each) => each.name === "output.weight")).toBe(name !== "qwen3");
  const own = await parameter(folder, "model.layers.1.mlp.up_proj.weight", 48 * 64);
  const spread = Math.max(...own) - Math.min(...own);
  for (const [file, share] of [
    ["f32", 0],
    ["f16", 1e-3],
    ["q8_0", 1e-2],
  ] as const) {
    const { shape, values } = await readTensor(join(output, `model-${file}.gguf`), "blk.1.ffn_up.weight");
    expect(shape).toEqual([48, 64]);
    const most = Math.max(...values.map((value, entry) => Math.abs(value - (own[entry] ?? Number.NaN))));
    expect(most / spread).toBeLessThanOrEqual(share);
    // Rows of 48 numbers are no whole blocks: they have 16 bits.
    if (file === "q8_0")
      await expect(readTensor(join(output, `model-${file}.gguf`), "blk.1.ffn_down.weight")).resolves.toBeDefined();
  }
});

test("the halves of a head that Llama rotates against each other are neighbours", async () => {
  const folder = await tinyModel(models.llama);
  const path = join(await exported(folder), "model-f32.gguf");
  const own = await parameter(folder, "model.layers.0.self_attn.k_proj.weight", 32 * 64);
  const { shape, values } = await readTensor(path, "blk.0.attn_k.weight");
  expect(shape).toEqual([32, 64]);
  const row = (list: ArrayLike<number>, index: number) => Array.from(list).slice(index * 64, (index + 1) * 64);
  for (const [theirs, ours] of [
    [0, 0],
    [1, 8],
    [2, 1],
    [15, 15],
    [17, 24],
  ] as const) {
    expect(row(values, theirs)).toEqual(row(own, ours));
  }
  const bias = await parameter(folder, "model.layers.0.self_attn.k_proj.bias", 32);
  expect((await readTensor(path, "blk.0.attn_k.bias")).values[1]).toBe(bias[8]);
});

test("Llama 3's frequencies are what those of the base are divided by; merges are in the order of scores", async () => {
  const scaling = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const rope = { ...scaling, original_max_position_embeddings: 8 };
  const path = join(await exported(await tinyModel({ ...models.llama, rope_scaling: rope })), "model-f32.gguf");
  const { values } = await readTensor(path, "rope_freqs.weight");
  expect([values.length, values.at(-1)]).toEqual([8, expect.closeTo(8, 5)]);
  expect(values[0]).toBeGreaterThanOrEqual(1);
  const { metadata } = await readHeader(path);
  const scores = new Map(
    (metadata["tokenizer.ggml.tokens"] as string[]).map((token, id) => [
      token,
      (metadata["tokenizer.ggml.scores"] as number[])[id],
    ]),
  );
  expect(["▁g", "▁b", "▁th", "g"].map((token) => scores.get(token))).toEqual([-0, -1, -3, -7]);
});

test("what llama.cpp has not is refused by name", async () => {
  const output = join(await temporaryFolder(), "out");
  const refused = async (config: Readonly<Record<string, unknown>>, message: RegExp, files = {}) => {
    const model = await tinyModel(config);
    for (const [name, text] of Object.entries(files)) await writeFile(join(model, name), String(text));
    await expectRefusal(exportModel({ model, format: "gguf", output }), message);
  };
  await refused(tinyDecoders.opt, /a OPTForCausalLM cannot be exported to GGUF, only .* llama, mistral, qwen2, qwen3/);
  await refused(tinyDecoders["mistral with a window"], /a sliding window of 4 tokens/);
  await refused(tinyDecoders["llama with biases and tied"], /rotary positions of type dynamic/);
  await refused({ ...models.llama, hidden_act: "gelu" }, /hidden_act gelu/);
  await refused(models.llama, /tokenizer.json: its pre_tokenizer \(ByteLevel\) is none/, bytePairFiles());
  await expect(stat(output)).rejects.toThrow();
});

test.skipIf(!sharedDataIsPresent)("stories260K has a file of each precision (needs shared/data)", async () => {
  const output = await exported(join(sharedDataFolder, "models", "stories260K"), "float32,float16,int8");
  const sizes = await Promise.all(
    ["f32", "f16", "q8_0"].map(async (type) => (await stat(join(output, `model-${type}.gguf`))).size),
  );
  expect(sizes[0]).toBeGreaterThan(4 * 260_032);
  expect((sizes[1] ?? 0) / (sizes[0] ?? 1)).toBeLessThan(0.52);
  expect((sizes[2] ?? 0) / (sizes[0] ?? 1)).toBeLessThan(0.34);
});

const readByPython = `
import json, sys
import numpy
from gguf import GGUFReader
from gguf.quants import dequantize
files = {}
for path in sys.argv[1:]:
    reader = GGUFReader(path)
    tensors = {each.name: dequantize(each.data, each.tensor_type) for each in reader.tensors}
    files[path] = {
        "fields": {name: field.contents() for name, field in reader.fields.items() if not isinstance(field.contents(), list)},
        "tokens": reader.get_field("tokenizer.ggml.tokens").contents(),
        "tensors": {name: [list(each.shape), each.ravel()[:64].astype(numpy.float64).tolist()] for name, each in tensors.items()},
    }
print(json.dumps(files))
`;

test.skipIf(!pythonHas("gguf"))(
  "llama.cpp's own reader in Python finds the same (needs PEER_HF with gguf)",
  async () => {
    const folder = await tinyModel(models.qwen3);
    const output = await exported(folder, "float32,float16,int8");
    const paths = ["f32", "f16", "q8_0"].map((type) => join(output, `model-${type}.gguf`));
    const files = JSON.parse(await runPython(readByPython, paths)) as Record<string, PythonFile>;
    const own = await parameter(folder, "model.layers.1.mlp.up_proj.weight", 48 * 64);
    const spread = Math.max(...own) - Math.min(...own);
    for (const [place, path] of paths.entries()) {
      const { fields, tokens, tensors } = files[path] as PythonFile;
      expect(fields).toMatchObject({
        "general.architecture": "qwen3",
        "qwen3.block_count": 3,
        "qwen3.attention.head_count_kv": 2,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.bos_token_id": 1,
      });
      expect([tokens.length, tokens[1], tokens[3]]).toEqual([300, "<s>", "<0x00>"]);
      const { tensorInfos } = await readHeader(path);
      expect(Object.keys(tensors).sort()).toEqual(tensorInfos.map(({ name }) => name).sort());
      const [shape, values] = tensors["blk.1.ffn_up.weight"] ?? [];
      expect(shape).toEqual([48, 64]);
      const most = Math.max(...(values ?? []).map((value, entry) => Math.abs(value - (own[entry] ?? Number.NaN))));
      expect(most / spread).toBeLessThanOrEqual([0, 1e-3, 1e-2][place] ?? 0);
    }
  },
);

/** What Python says of a file: of each tensor its shape and first values. */
interface PythonFile {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly tokens: readonly string[];
  readonly tensors: Readonly<Record<string, readonly [shape: readonly number[], values: readonly number[]]>>;
}
