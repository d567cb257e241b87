/**
 * Samples stories from a small Llama checkpoint, token by token, in plain loops: what a checkpoint tells before it is trained on
 * anything else, by a way that shares nothing with the code under measurement.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openCheckpoint } from "nanoadam";

interface Shape {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly vocab_size: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly bos_token_id: number;
  readonly eos_token_id: number;
}

const named = (weights: ReadonlyMap<string, Float32Array>, name: string): Float32Array => {
  const values = weights.get(name);
  if (values === undefined) throw new Error(`the checkpoint has no ${name}`);
  return values;
};

/** y[i] = sum over j of matrix[i, j] x[j]. */
function applied(matrix: Float32Array, x: Float32Array): Float32Array {
  const columns = x.length;
  return Float32Array.from({ length: matrix.length / columns }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      sum += (matrix[row * columns + column] as number) * (x[column] as number);
    }
    return sum;
  });
}

function normalised(x: Float32Array, weight: Float32Array, epsilon: number): Float32Array {
  const scale = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + epsilon);
  return x.map((value, index) => value * scale * (weight[index] as number));
}

/** Turns the pairs (i, i + half) of each head by the angles of a position. */
function rotated(x: Float32Array, size: number, position: number, theta: number): Float32Array {
  const half = size / 2;
  return x.map((value, index) => {
    const inHead = index % size;
    const angle = position * theta ** -((2 * (inHead % half)) / size);
    const other = inHead < half ? -(x[index + half] as number) : (x[index - half] as number);
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

const added = (x: Float32Array, y: Float32Array) => x.map((value, index) => value + (y[index] as number));

/** Takes tokens one by one and says what it makes of the last: logits over the vocabulary. */
class StoryTeller {
  readonly #shape: Shape;
  readonly #weights: ReadonlyMap<string, Float32Array>;
  readonly #past: readonly { readonly keys: Float32Array[]; readonly values: Float32Array[] }[];

  constructor(shape: Shape, weights: ReadonlyMap<string, Float32Array>) {
    this.#shape = shape;
    this.#weights = weights;
    this.#past = Array.from({ length: shape.num_hidden_layers }, () => ({ keys: [], values: [] }));
  }

  after(token: number): Float32Array {
    const { hidden_size: width, rms_norm_eps: epsilon } = this.#shape;
    const table = named(this.#weights, "model.embed_tokens.weight");
    let x: Float32Array = table.slice(token * width, (token + 1) * width);
    for (let layer = 0; layer < this.#past.length; layer++) {
      const weight = (name: string) => named(this.#weights, `model.layers.${layer}.${name}.weight`);
      x = added(x, this.#attended(layer, normalised(x, weight("input_layernorm"), epsilon)));
      const further = normalised(x, weight("post_attention_layernorm"), epsilon);
      const gate = applied(weight("mlp.gate_proj"), further).map((value) => value / (1 + Math.exp(-value)));
      const up = applied(weight("mlp.up_proj"), further);
      x = added(
        x,
        applied(
          weight("mlp.down_proj"),
          gate.map((value, index) => value * (up[index] as number)),
        ),
      );
    }
    return applied(table, normalised(x, named(this.#weights, "model.norm.weight"), epsilon));
  }

  #attended(layer: number, x: Float32Array): Float32Array {
    const { hidden_size: width, num_attention_heads: heads, num_key_value_heads: keyHeads, rope_theta } = this.#shape;
    const size = width / heads;
    const past = this.#past[layer];
    if (past === undefined) throw new Error(`there is no layer ${layer}`);
    const project = (name: string) =>
      applied(named(this.#weights, `model.layers.${layer}.self_attn.${name}.weight`), x);
    const position = past.keys.length;
    past.keys.push(rotated(project("k_proj"), size, position, rope_theta));
    past.values.push(project("v_proj"));
    const query = rotated(project("q_proj"), size, position, rope_theta);
    const mixed = new Float32Array(width);
    for (let head = 0; head < heads; head++) {
      const first = Math.floor((head * keyHeads) / heads) * size;
      const scores = past.keys.map((key) => {
        let score = 0;
        for (let i = 0; i < size; i++) score += (query[head * size + i] as number) * (key[first + i] as number);
        return score / Math.sqrt(size);
      });
      const shares = softmax(scores);
      for (const [place, value] of past.values.entries()) {
        const share = shares[place] as number;
        for (let i = 0; i < size; i++) {
          mixed[head * size + i] = (mixed[head * size + i] as number) + share * (value[first + i] as number);
        }
      }
    }
    return applied(named(this.#weights, `model.layers.${layer}.self_attn.o_proj.weight`), mixed);
  }
}

function softmax(scores: ArrayLike<number>): number[] {
  const all = Array.from(scores);
  const largest = all.reduce((most, score) => Math.max(most, score));
  const powers = all.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Numbers from 0 to 1 that repeat for a seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), bits | 61)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Text of tokens: "▁" is a space, and "<0x0A>" a byte. */
function textOf(tokens: readonly string[]): string {
  const bytes = tokens.flatMap((token) => {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
    return byte === undefined ? [...Buffer.from(token.replaceAll("▁", " "))] : [Number.parseInt(byte, 16)];
  });
  return Buffer.from(bytes).toString().trim();
}

/** So many stories of at most `mostTokens` tokens, sampled at temperature 1. */
export async function sampleStories(
  folder: string,
  { count, mostTokens, seed }: { readonly count: number; readonly mostTokens: number; readonly seed: number },
): Promise<string[]> {
  const shape = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as Shape;
  const { model } = JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8")) as {
    readonly model: { readonly vocab: Readonly<Record<string, number>> };
  };
  const tokens = new Map(Object.entries(model.vocab).map(([token, id]) => [id, token]));
  const checkpoint = await openCheckpoint(folder);
  const weights = new Map<string, Float32Array>();
  for (const name of checkpoint.entries.keys()) weights.set(name, await checkpoint.readFloat32(name));
  await checkpoint.close();
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () => {
    const teller = new StoryTeller(shape, weights);
    const told: string[] = [];
    for (let token = shape.bos_token_id; told.length < mostTokens; ) {
      let left = random();
      token = softmax(teller.after(token)).findIndex((share) => {
        left -= share;
        return left < 0;
      });
      if (token === shape.eos_token_id || token === shape.bos_token_id || token < 0) break;
      told.push(tokens.get(token) ?? "");
    }
    return textOf(told);
  });
}
