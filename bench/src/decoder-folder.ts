/** Checkpoints of decoders with random weights, made on disk in shards as those of large models are. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineModel, type ParameterSpecification, writeSafetensors } from "nanoadam";

/** A Llama's shape. */
export interface DecoderShape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
}

/** The step that is measured: texts and their tokens. */
export const decoderBatch = { batch: 2, length: 256 } as const;

const tokenizerFolder = fileURLToPath(new URL("../../packages/nanoadam/assets/demo/encoder", import.meta.url));
const shardBytes = 4e9;

/**
 * Calls `work` with a temporary folder that has a Llama of random weights in bfloat16 (`model`) and texts longer than a batch's
 * (`train.jsonl`, `eval.jsonl`). The tokenizer is that of the demonstration: its ids are some of the vocabulary's.
 */
export async function withDecoderFolder<Result>(
  shape: DecoderShape,
  work: (folder: string) => Promise<Result> | Result,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "nanoadam-bench-"));
  try {
    await writeDecoder(join(folder, "model"), shape);
    const line = (index: number) =>
      `${JSON.stringify({ text: `${index} a word and more `.repeat(decoderBatch.length) })}\n`;
    writeFileSync(
      join(folder, "train.jsonl"),
      Array.from({ length: 2 * decoderBatch.batch }, (_, i) => line(i)).join(""),
    );
    writeFileSync(join(folder, "eval.jsonl"), line(0));
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function configOf(shape: DecoderShape): Record<string, unknown> {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: shape.hidden,
    intermediate_size: shape.feedForward,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.keyHeads,
    vocab_size: shape.vocabulary,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000,
    hidden_act: "silu",
    initializer_range: 0.02,
    tie_word_embeddings: true,
    bos_token_id: 1,
    eos_token_id: 2,
    torch_dtype: "bfloat16",
  };
}

async function writeDecoder(folder: string, shape: DecoderShape): Promise<void> {
  mkdirSync(folder);
  for (const file of readdirSync(tokenizerFolder).filter((name) => /^(tokenizer|special|vocab)/.test(name))) {
    copyFileSync(join(tokenizerFolder, file), join(folder, file));
  }
  const config = configOf(shape);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const shards = shardsOf(defineModel(config, { kind: "language-model", predicts: "next" }).parameters);
  const fileOf = new Map<string, string>();
  const numbers = randomHalves(1 << 20);
  for (const [index, parameters] of shards.entries()) {
    const part = (number: number) => String(number).padStart(5, "0");
    const file = `model-${part(index + 1)}-of-${part(shards.length)}.safetensors`;
    for (const { name } of parameters) fileOf.set(name, file);
    await writeSafetensors(
      join(folder, file),
      parameters.map(({ name, shape: sides, role }) => ({
        name,
        shape: sides,
        dtype: "BF16",
        values: () => (role === "normalisation" ? ones(sides) : repeated(numbers, sides)),
      })),
    );
  }
  const index = { metadata: {}, weight_map: Object.fromEntries(fileOf) };
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
}

const sizeOf = (shape: readonly number[]) => shape.reduce((size, side) => size * side, 1);

function shardsOf(parameters: readonly ParameterSpecification[]): ParameterSpecification[][] {
  const shards: ParameterSpecification[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const parameter of parameters) {
    const own = 2 * sizeOf(parameter.shape);
    if (bytes + own > shardBytes) {
      shards.push([]);
      bytes = 0;
    }
    shards.at(-1)?.push(parameter);
    bytes += own;
  }
  return shards;
}

const bits = new Uint32Array(1);
const asFloat = new Float32Array(bits.buffer);
const halfOf = (value: number): number => {
  asFloat[0] = value;
  return (bits[0] as number) >>> 16;
};

/** Numbers about as large as a network's weights, each different from its neighbours. */
function randomHalves(count: number): Uint16Array {
  let state = 1;
  return Uint16Array.from({ length: count }, () => {
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      sum += state / 2 ** 32 - 0.5;
    }
    return halfOf(0.035 * sum);
  });
}

function repeated(numbers: Uint16Array, shape: readonly number[]): Uint16Array {
  const values = new Uint16Array(sizeOf(shape));
  // A step that is no divisor of the rows' width, so that rows differ.
  for (let start = 0; start < values.length; start += numbers.length) {
    values.set(numbers.subarray(0, Math.min(numbers.length, values.length - start)), start);
  }
  return values;
}

const ones = (shape: readonly number[]) => new Uint16Array(sizeOf(shape)).fill(halfOf(1));
