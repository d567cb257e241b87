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
 * `reach_bias.` (see `reachBias`); and `last_tokens`. Where a batch brings `position_ids`, they count.
 */
export function withDecoderInputs(
  batch: Batch,
  kinds: Readonly<Record<string, RotaryAttention>>,
  headSize: number,
): Batch {
  const mask = tensorOf(batch, "attention_mask");
  const [texts = 0, length = 0] = mask.type.shape;
  const positions = Int32Array.from(batch.tensors.get("position_ids")?.data ?? positionsFromStart(batch));
  const isToken = (_: number, place: number) => mask.data[place] === 1;
  const longest = largest(positions.filter(isToken)) + 1;
  const shape = [texts, 1, length, headSize];
  const tensors = Object.entries(kinds).flatMap(([kind, { rope, window }]): [string, HostTensor][] => {
    const { cos, sin } = ropeTables(rope.scale, rope.frequencies(longest), largest(positions) + 1);
    return [
      [`rope_cos.${kind}`, float32Tensor(repeated(cos, positions, headSize), shape)],
      [`rope_sin.${kind}`, float32Tensor(repeated(sin, positions, headSize), shape)],
      [`reach_bias.${kind}`, reachBias(batch, window)],
    ];
  });
  return withLastTokens(extendBatch(batch, tensors));
}

/**
 * What is added to scores: nothing at the tokens before each, itself included, that are within the window. It is
 * [length, length] for all rows; of a batch with `segment_ids`, whose rows have several texts, it is [rows, 1, length, length],
 * and tokens of other texts are out of reach.
 */
export function reachBias(batch: Batch, window = Number.POSITIVE_INFINITY): HostTensor {
  const [rows = 0, length = 0] = tensorOf(batch, "attention_mask").type.shape;
  const segments = batch.tensors.get("segment_ids")?.data;
  const biases = segments === undefined ? 1 : rows;
  const bias = new Float32Array(biases * length * length).fill(outOfReach);
  let first = 0;
  for (let token = 0; token < biases * length; token++) {
    const place = token % length;
    if (isFirstOfText(segments, token, length)) first = place;
    bias.fill(0, token * length + Math.max(first, place - window + 1), token * length + place + 1);
  }
  return float32Tensor(bias, segments === undefined ? [length, length] : [rows, 1, length, length]);
}

/** Whether a text begins at a token, counted over all of the batch: a row's first, or another than the one before. */
export function isFirstOfText(segments: ArrayLike<number> | undefined, token: number, length: number): boolean {
  return token % length === 0 || (segments !== undefined && segments[token] !== segments[token - 1]);
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
function positionsFromStart(batch: Batch): Int32Array {
  const { data: mask, type } = tensorOf(batch, "attention_mask");
  const segments = batch.tensors.get("segment_ids")?.data;
  const [, length = 1] = type.shape;
  const positions = new Int32Array(mask.length);
  let next = 0;
  for (let token = 0; token < mask.length; token++) {
    if (isFirstOfText(segments, token, length)) next = 0;
    positions[token] = next;
    // Padding before a text does not count, padding after it does.
    if (next > 0 || mask[token] === 1) next++;
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
