/** What decoders make of a batch: the places of tokens, which tokens each attends to, and where each text ends. */
import { type Batch, extendBatch, float32Tensor, type HostTensor, int32Tensor, tensorOf } from "../data/batch.js";
import { outOfReach } from "./attention.js";
import type { Rope } from "./rope.js";

/** What layers of one kind of attention have in common. */
export interface RotaryAttention {
  readonly rope: Rope;
  /** How many tokens each attends to, itself included; all that are before it where absent. */
  readonly window?: number | undefined;
}

/**
 * The batch with the inputs of rotary attention, by its kinds: `rope_cos.` and `rope_sin.` [texts, 1, length, headSize], and
 * `reach_bias.` [length, length]; and `last_tokens`. Where a batch brings `position_ids`, they count.
 */
export function withDecoderInputs(
  batch: Batch,
  kinds: Readonly<Record<string, RotaryAttention>>,
  headSize: number,
): Batch {
  const mask = tensorOf(batch, "attention_mask");
  const [texts = 0, length = 0] = mask.type.shape;
  const positions = Int32Array.from(batch.tensors.get("position_ids")?.data ?? positionsFromStart(mask));
  const isToken = (_: number, place: number) => mask.data[place] === 1;
  const longest = largest(positions.filter(isToken)) + 1;
  const shape = [texts, 1, length, headSize];
  const tensors = Object.entries(kinds).flatMap(([kind, { rope, window }]): [string, HostTensor][] => {
    const { cos, sin } = ropeTables(rope.scale, rope.frequencies(longest), largest(positions) + 1);
    return [
      [`rope_cos.${kind}`, float32Tensor(repeated(cos, positions, headSize), shape)],
      [`rope_sin.${kind}`, float32Tensor(repeated(sin, positions, headSize), shape)],
      [`reach_bias.${kind}`, reachBias(length, window)],
    ];
  });
  return withLastTokens(extendBatch(batch, tensors));
}

/** What is added to scores [length, length]: nothing at the tokens before each, itself included, that are within the window. */
export function reachBias(length: number, window = Number.POSITIVE_INFINITY): HostTensor {
  const bias = new Float32Array(length * length).fill(outOfReach);
  for (let row = 0; row < length; row++) {
    bias.fill(0, row * length + Math.max(0, row - window + 1), row * length + row + 1);
  }
  return float32Tensor(bias, [length, length]);
}

/** The batch with `last_tokens` int32 [texts]: each text's last token that is no padding, counted over all of the batch. */
export function withLastTokens(batch: Batch): Batch {
  const { data: mask, type } = tensorOf(batch, "attention_mask");
  const [texts = 0, length = 0] = type.shape;
  const last = Int32Array.from({ length: texts }, (_, text) => {
    const found = mask.subarray(text * length, (text + 1) * length).lastIndexOf(1);
    return text * length + Math.max(0, found);
  });
  return extendBatch(batch, [["last_tokens", int32Tensor(last, [texts])]]);
}

/** Each text's positions, counted from its first token on; padding before it has the position 0. */
function positionsFromStart({ data: mask, type }: HostTensor): Int32Array {
  const [, length = 1] = type.shape;
  const positions = new Int32Array(mask.length);
  for (let start = 0; start < mask.length; start += length) {
    const first = Math.max(0, mask.subarray(start, start + length).indexOf(1));
    for (let token = first; token < length; token++) positions[start + token] = token - first;
  }
  return positions;
}

function largest(positions: Int32Array): number {
  return positions.reduce((most, position) => Math.max(most, position), 0);
}

/** Cosines and sines of the positions from 0 on, a row of half a head for each. */
function ropeTables(
  scale: number,
  frequencies: Float32Array,
  count: number,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const pairs = frequencies.length;
  const [cos, sin] = [new Float32Array(count * pairs), new Float32Array(count * pairs)];
  for (let entry = 0; entry < cos.length; entry++) {
    const angle = Math.fround(Math.floor(entry / pairs) * (frequencies[entry % pairs] ?? 0));
    cos[entry] = scale * Math.cos(angle);
    sin[entry] = scale * Math.sin(angle);
  }
  return { cos, sin };
}

/** The rows of a table that positions number, each twice: for both halves of a head. */
function repeated(table: Float32Array, positions: ArrayLike<number>, headSize: number): Float32Array {
  const pairs = headSize / 2;
  const rows = new Float32Array(positions.length * headSize);
  for (let place = 0; place < positions.length; place++) {
    const row = table.subarray((positions[place] ?? 0) * pairs, ((positions[place] ?? 0) + 1) * pairs);
    rows.set(row, place * headSize);
    rows.set(row, place * headSize + pairs);
  }
  return rows;
}
