/** What attention is made of, in encoders and decoders. Hidden states are [texts * length, hidden] throughout. */
import { add, matmul, reshape, scale, shift, softmax, toFloat32, transpose, type Value } from "@nanoadam/engine";
import { textShape } from "./layers.js";
import type { StageContext } from "./model.js";

/** Taken from the scores of padding: the largest finite float32, as Hugging Face's models do. */
const largestFloat = 3.4028234663852886e38;

/** Added to scores beyond a token's reach: far below any score, and small enough that with the bias of padding it stays finite. */
export const outOfReach = -1e30;

/** What padding adds to attention scores: [texts, 1, 1, keys], 0 at tokens. */
export function paddingBias(context: StageContext): Value {
  const given = context.input("attention_mask");
  const [texts = 0, keys = 0] = given.type.shape;
  const mask = toFloat32(reshape(given, [texts, 1, 1, keys]));
  return scale(shift(mask, -1), largestFloat);
}

/** x [texts * length, hidden] as [texts, heads, length, hidden / heads]. */
export function splitHeads(context: StageContext, x: Value, heads: number): Value {
  return headsOf(x, textShape(context), heads);
}

/** The same of sequences that are no texts. */
export function headsOf(x: Value, [texts, length]: readonly [sequences: number, length: number], heads: number): Value {
  return transpose(reshape(x, [texts, length, heads, (x.type.shape[1] ?? 0) / heads]), [0, 2, 1, 3]);
}

/** The reverse of `splitHeads`. */
function mergeHeads(x: Value): Value {
  const [texts = 0, heads = 0, length = 0, size = 0] = x.type.shape;
  return reshape(transpose(x, [0, 2, 1, 3]), [texts * length, heads * size]);
}

/** Queries, keys and values [texts, heads, length, size], and what is added to their scores where there is something. */
export interface Attention {
  readonly query: Value;
  /** Keys and values may have fewer heads than queries: each is then for as many consecutive heads of queries. */
  readonly key: Value;
  readonly value: Value;
  readonly bias?: Value;
  readonly dropout: number;
  /** The factor on scores, 1 / sqrt(size) unless given. */
  readonly scoreScale?: number | undefined;
}

/** Scaled dot-product attention, as [texts * length, hidden]. */
export function attend(context: StageContext, { query, key, value, bias, dropout, scoreScale }: Attention): Value {
  const [texts = 0, heads = 0, length = 0, size = 1] = query.type.shape;
  const [, keyHeads = 0, keys = 0] = key.type.shape;
  // Queries that share a key's head follow one another, so that no key is repeated.
  const rows = (heads / keyHeads) * length;
  const scores = matmul(reshape(query, [texts, keyHeads, rows, size]), key, {
    transposeB: true,
    scale: scoreScale ?? 1 / Math.sqrt(size),
  });
  const apart = reshape(scores, [texts, heads, length, keys]);
  const shares = context.dropout(softmax(bias === undefined ? apart : add(apart, bias)), dropout);
  const mixed = matmul(reshape(shares, [texts, keyHeads, rows, keys]), value);
  return mergeHeads(reshape(mixed, [texts, heads, length, size]));
}
