/** What decoders make of a batch: the places of tokens, which tokens each attends to, and where each text ends. */
import {
  type Batch,
  batchType,
  cachedPlaces,
  extendBatch,
  float32Tensor,
  type HostTensor,
  int32Tensor,
  tensorOf,
} from "../data/batch.js";
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
  const [texts = 0, length = 0] = tensorOf(batch, "input_ids").type.shape;
  const given = batch.tensors.get("position_ids") ?? newTokens(batch, positionsFromStart(batch));
  const lengths = rowLengths(batch);
  const shape = [texts, 1, length, headSize];
  const tensors = Object.entries(kinds).flatMap(([kind, { rope, window }]): [string, HostTensor][] => {
    const { cos, sin } = ropeTables(rope, given.data, lengths);
    return [
      [`rope_cos.${kind}`, float32Tensor(cos, shape)],
      [`rope_sin.${kind}`, float32Tensor(sin, shape)],
      [`reach_bias.${kind}`, reachBias(batch, window)],
    ];
  });
  return withLastTokens(extendBatch(batch, tensors));
}

/**
 * What is added to scores: nothing at the tokens before each, itself included, that are within the window. It is
 * [length, length] for all rows; of a batch with `segment_ids`, whose rows have several texts, it is [rows, 1, length, length],
 * and tokens of other texts are out of reach. Behind a cache it is [rows, 1, length, keys], and what is within the window goes by
 * the positions.
 */
export function reachBias(batch: Batch, window = Number.POSITIVE_INFINITY): HostTensor {
  const [rows = 0, length = 0] = tensorOf(batch, "input_ids").type.shape;
  const segments = batch.tensors.get("segment_ids")?.data;
  if (cachedPlaces(batchType(batch)) > 0) return cachedReach(batch, window);
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

function cachedReach(batch: Batch, window: number): HostTensor {
  const [rows = 0, keys = 0] = tensorOf(batch, "attention_mask").type.shape;
  const [, length = 0] = tensorOf(batch, "input_ids").type.shape;
  const positions = positionsFromStart(batch);
  const bias = new Float32Array(rows * length * keys).fill(outOfReach);
  for (let token = 0; token < rows * length; token++) {
    const first = Math.floor(token / length) * keys;
    const last = first + keys - length + (token % length);
    const beyond = (positions[last] ?? 0) - window;
    for (let key = first; key <= last; key++) {
      if ((positions[key] ?? 0) > beyond) bias[token * keys + key - first] = 0;
    }
  }
  return float32Tensor(bias, [rows, 1, length, keys]);
}

/** Of numbers for all keys, row by row, those of the tokens that are new. */
export function newTokens(batch: Batch, ofKeys: Int32Array): HostTensor {
  const { shape } = tensorOf(batch, "input_ids").type;
  const [, length = 1] = shape;
  const keys = length + cachedPlaces(batchType(batch));
  return int32Tensor(
    ofKeys.filter((_, key) => key % keys >= keys - length),
    shape,
  );
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

/** Each text's positions, counted from its first token on; padding has the position of the token that follows it. */
function positionsFromStart(batch: Batch): Int32Array {
  const { data: mask, type } = tensorOf(batch, "attention_mask");
  const segments = batch.tensors.get("segment_ids")?.data;
  const [, length = 1] = type.shape;
  const positions = new Int32Array(mask.length);
  let next = 0;
  for (let token = 0; token < mask.length; token++) {
    if (isFirstOfText(segments, token, length)) next = 0;
    positions[token] = next;
    if (mask[token] === 1) next++;
  }
  return positions;
}

/**
 * How long texts are, by which some rotary bases go, for each row. Texts of a batch go by the longest of them, as in
 * transformers; behind a cache each goes by its own, so that it is the same in any company.
 */
function rowLengths(batch: Batch): readonly number[] {
  const { data: mask, type } = tensorOf(batch, "attention_mask");
  const [rows = 0, keys = 0] = type.shape;
  const positions = positionsFromStart(batch);
  const lengths = new Array<number>(rows).fill(0);
  for (let key = 0; key < mask.length; key++) {
    const row = Math.floor(key / keys);
    if (mask[key] === 1) lengths[row] = Math.max(lengths[row] ?? 0, (positions[key] ?? 0) + 1);
  }
  if (cachedPlaces(batchType(batch)) > 0) return lengths;
  return lengths.fill(lengths.reduce((longest, length) => Math.max(longest, length), 0));
}

/** Cosines and sines of positions, row by row: each twice those of half a head, as both halves turn alike. */
function ropeTables(
  rope: Rope,
  positions: ArrayLike<number>,
  lengths: readonly number[],
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const ofRow = new Map(lengths.map((length) => [length, rope.frequencies(length)]));
  const pairs = ofRow.values().next().value?.length ?? 0;
  const [cos, sin] = [new Float32Array(positions.length * 2 * pairs), new Float32Array(positions.length * 2 * pairs)];
  const known = new Map<string, number>();
  for (let place = 0; place < positions.length; place++) {
    const start = place * 2 * pairs;
    const [position, length] = [
      positions[place] ?? 0,
      lengths[Math.floor((place * lengths.length) / positions.length)],
    ];
    const same = known.get(`${position} of ${length}`);
    if (same !== undefined) {
      for (const table of [cos, sin]) table.copyWithin(start, same, same + 2 * pairs);
      continue;
    }
    known.set(`${position} of ${length}`, start);
    const frequencies = ofRow.get(length ?? 0);
    for (let pair = 0; pair < pairs; pair++) {
      const angle = Math.fround(position * (frequencies?.[pair] ?? 0));
      for (const entry of [start + pair, start + pairs + pair]) {
        cos[entry] = rope.scale * Math.cos(angle);
        sin[entry] = rope.scale * Math.sin(angle);
      }
    }
  }
  return { cos, sin };
}
