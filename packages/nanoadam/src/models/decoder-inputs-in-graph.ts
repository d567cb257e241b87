/** What decoders make of a batch, inside a graph: see `decoder-inputs.ts`. */
import {
  add,
  concatenate,
  constant,
  cosine,
  cumulativeSum,
  indices,
  multiply,
  negate,
  reduceSum,
  reshape,
  scale,
  shift,
  sine,
  slice,
  subtract,
  toFloat32,
  toInt32,
  type Value,
} from "@nanoadam/engine";
import { InputError } from "../errors.js";
import { outOfReach } from "./attention.js";
import type { RotaryAttention } from "./decoder-inputs.js";
import { batchValue, type GraphBatch, isPositive, sizesOf, withValues } from "./graph-batch.js";

/**
 * The batch with `rope_cos.`, `rope_sin.` and `reach_bias.` of each kind of attention, and `last_tokens` where nothing came before.
 * `attention_mask` [texts, keys] may have more tokens than `input_ids` [texts, length], which are its last. Where the batch brings
 * `position_ids`, they count.
 * @throws InputError for angles that depend on a text's length
 */
export function decoderInputsInGraph(
  batch: GraphBatch,
  kinds: Readonly<Record<string, RotaryAttention>>,
  headSize: number,
): GraphBatch {
  const [texts, length] = sizesOf(batch);
  const positions = toFloat32(batch.get("position_ids") ?? tokensBefore(batch));
  const places = reshape(positions, [texts, 1, length, 1]);
  const tensors = Object.entries(kinds).flatMap(([kind, { rope, window }]): [string, Value][] => {
    if (rope.dependsOnLength === true) {
      throw new InputError(
        "config.json: rotary positions of type dynamic cannot be exported to ONNX, as their angles depend on the text's length",
      );
    }
    const frequencies = constant([...rope.frequencies(0)], [1, 1, 1, headSize / 2]);
    const half = multiply(places, frequencies);
    const angles = concatenate([half, half], 3);
    const scaled = (x: Value) => (rope.scale === 1 ? x : scale(x, rope.scale));
    return [
      [`rope_cos.${kind}`, scaled(cosine(angles))],
      [`rope_sin.${kind}`, scaled(sine(angles))],
      [`reach_bias.${kind}`, reachBiasInGraph(batch, window)],
    ];
  });
  return withLastTokensInGraph(withValues(batch, Object.fromEntries(tensors)));
}

/**
 * What is added to scores, float32 [length, keys]: nothing at the tokens before each, itself included, that are within the window.
 * What is near goes by places, as in transformers.
 */
export function reachBiasInGraph(batch: GraphBatch, window?: number): Value {
  const [, length] = sizesOf(batch);
  const keys = keysOf(batch);
  const places = toFloat32(indices(keys));
  const distance = subtract(reshape(slice(places, 0, keys - length, keys), [length, 1]), reshape(places, [1, keys]));
  const follows = isPositive(negate(distance));
  const isBeyond = window === undefined ? follows : add(follows, isPositive(shift(distance, 1 - window)));
  return scale(isBeyond, outOfReach);
}

/** For each token how many tokens its text has before it, float32 [texts, length]. */
export function tokensBefore(batch: GraphBatch): Value {
  const [, length] = sizesOf(batch);
  const keys = keysOf(batch);
  const mask = toFloat32(batchValue(batch, "attention_mask"));
  return slice(subtract(cumulativeSum(mask, 1), mask), 1, keys - length, keys);
}

/** The mask of the tokens that `input_ids` are, float32 [texts, length]. */
export function maskOfTokens(batch: GraphBatch): Value {
  const [, length] = sizesOf(batch);
  const keys = keysOf(batch);
  return slice(toFloat32(batchValue(batch, "attention_mask")), 1, keys - length, keys);
}

/** The batch with `last_tokens` int32 [texts], unless there are tokens before it. */
export function withLastTokensInGraph(batch: GraphBatch): GraphBatch {
  const [texts, length] = sizesOf(batch);
  if (keysOf(batch) !== length) return batch;
  const mask = maskOfTokens(batch);
  const following = subtract(reduceSum(mask, [1]), cumulativeSum(mask, 1));
  const isLast = multiply(mask, shift(negate(isPositive(following)), 1));
  const places = reshape(toFloat32(indices(texts * length)), [texts, length]);
  return withValues(batch, { last_tokens: toInt32(reshape(reduceSum(multiply(isLast, places), [1]), [texts])) });
}

function keysOf(batch: GraphBatch): number {
  return batchValue(batch, "attention_mask").type.shape[1] ?? 0;
}
