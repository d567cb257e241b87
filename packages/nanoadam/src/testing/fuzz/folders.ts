/** Readers of model folders, as functions of the JSON that is in them; each writes it to disk and opens the folder. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openModelFolder } from "../../checkpoint/adapter.js";
import { openModel } from "../../recipes/open-model.js";
import { writeTinyAdapter } from "../tiny-adapter.js";
import { writeTinyCheckpoint } from "../tiny-checkpoint.js";
import type { Json } from "./mutate.js";
import type { FuzzedReader } from "./readers.js";

interface Place {
  readonly model: string;
  readonly sharded: string;
  readonly adapter: string;
}

let made: Promise<Place> | undefined;

/** Whole folders, made once a process and removed with it. */
function place(): Promise<Place> {
  made ??= make();
  return made;
}

async function make(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-fuzz-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const model = await writeTinyCheckpoint(join(folder, "model"), { head: { labels: 2 } });
  const sharded = await writeTinyCheckpoint(join(folder, "sharded"), { head: { labels: 2 }, sharded: true });
  const adapter = join(folder, "adapter");
  await writeTinyAdapter(adapter, model, {
    tensors: { [`${layer}.lora_A.weight`]: [2, 16], [`${layer}.lora_B.weight`]: [16, 2] },
  });
  // What a name in an index may lead to.
  await mkdir(join(sharded, "folder.safetensors"));
  await symlink("loop.safetensors", join(sharded, "loop.safetensors"));
  await symlink("/dev/zero", join(sharded, "endless.safetensors"));
  await symlink(join(model, "model.safetensors"), join(sharded, "link.safetensors"));
  execFileSync("mkfifo", [join(sharded, "pipe.safetensors")]);
  return { model, sharded, adapter };
}

const layer = "bert.encoder.layer.0.attention.self.query";

/** Opens a folder and reads all of its weights. */
async function readAll(folder: string): Promise<void> {
  const checkpoint = await openModelFolder(folder);
  try {
    for (const name of checkpoint.entries.keys()) await checkpoint.readFloat32(name);
  } finally {
    await checkpoint.close();
  }
}

/** A file of weights with this header, and bytes for two or for as many numbers as the header may well have. */
async function writeWeights(path: string, header: unknown, bytes: number): Promise<void> {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(path, Buffer.concat([length, json, Buffer.alloc(bytes, 0x3c)]));
}

const adapterHeader: Json = {
  [`base_model.model.${layer}.lora_A.weight`]: { dtype: "F32", shape: [2, 16], data_offsets: [0, 128] },
  [`base_model.model.${layer}.lora_B.weight`]: { dtype: "F32", shape: [16, 2], data_offsets: [128, 256] },
};

const adapterConfig: Json = {
  peft_type: "LORA",
  base_model_name_or_path: "../model",
  r: 2,
  lora_alpha: 4,
  target_modules: ["query", "value"],
  rank_pattern: { "layer.0.attention.self.query": 2, "^(a+)+$": 3 },
  alpha_pattern: { query: 8 },
  task_type: "SEQ_CLS",
};

const shardNames = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const hostileNames = [
  ...["../model/model.safetensors", "/etc/passwd", "..\\model.safetensors", "folder.safetensors", "loop.safetensors"],
  ...[
    "endless.safetensors",
    "pipe.safetensors",
    "link.safetensors",
    "missing.safetensors",
    ".safetensors",
    "a\n.safetensors",
  ],
];

function objectOf(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

export const folderReaders: readonly FuzzedReader[] = [
  {
    name: "folder of an adapter",
    seeds: [{ json: { config: adapterConfig, header: adapterHeader } }],
    async read(content) {
      const { adapter } = await place();
      const { config, header } = objectOf(content);
      await writeFile(join(adapter, "adapter_config.json"), JSON.stringify(config) ?? "");
      await writeWeights(join(adapter, "adapter_model.safetensors"), header ?? null, 256);
      await readAll(adapter);
    },
  },
  {
    name: "file of weights",
    seeds: [
      {
        json: {
          a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
          b: { dtype: "BF16", shape: [4], data_offsets: [24, 32] },
        },
      },
    ],
    async read(content) {
      const { model } = await place();
      const whole = join(model, "model.safetensors");
      const before = await readFile(whole);
      try {
        await writeWeights(whole, JSON.parse(content), 32);
        await readAll(model);
      } finally {
        await writeFile(whole, before);
      }
    },
  },
  {
    name: "index of shards",
    seeds: [
      { json: { weight_map: { a: shardNames[0] ?? "", b: shardNames[1] ?? "" } } },
      ...hostileNames.map((name) => ({ json: { weight_map: { a: shardNames[0] ?? "", b: name } } })),
    ],
    async read(content) {
      const { sharded } = await place();
      await writeFile(join(sharded, "model.safetensors.index.json"), content);
      await readAll(sharded);
    },
  },
  {
    name: "config.json over weights",
    seeds: [{ json: objectOfBert() }],
    async read(content) {
      const { model } = await place();
      await writeFile(join(model, "config.json"), content);
      await (await openModel(model, { threads: 1 })).release();
    },
  },
];

function objectOfBert(): Json {
  return {
    architectures: ["BertForSequenceClassification"],
    model_type: "bert",
    vocab_size: 48,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 32,
    max_position_embeddings: 40,
    type_vocab_size: 2,
    hidden_act: "gelu",
    layer_norm_eps: 1e-12,
    id2label: { 0: "bad", 1: "good" },
    label2id: { bad: 0, good: 1 },
  };
}
