import { add, multiply, negate } from "./elementwise.js";
import { concatenate, slice } from "./slice.js";
import { broadcastShape, dimension, formatShape, ShapeError, sameShape } from "./types.js";
import type { Value } from "./value.js";

/**
 * Rotary position embedding: x cos + [-x2, x1] sin, where x1 and x2 are the first and the second half of the last axis,
 * which are rotated against each other as in Hugging Face's models (GPT-J interleaves them instead). Queries or keys
 * [batch, heads, tokens, size] take cos and sin of [tokens, size] or [batch, 1, tokens, size]; both halves of a table
 * are commonly equal.
 * @throws ShapeError where the last axis is odd or a table does not broadcast to x.
 */
export function rotary(x: Value, cos: Value, sin: Value): Value {
  const { shape } = x.type;
  const size = dimension(shape, -1);
  if (size % 2 !== 0) throw new ShapeError(`rotary: the last axis of ${formatShape(shape)} has no two halves`);
  for (const { type } of [cos, sin]) {
    if (!sameShape(broadcastShape("rotary", type.shape, shape), shape)) {
      throw new ShapeError(`rotary: ${formatShape(type.shape)} does not broadcast to ${formatShape(shape)}`);
    }
  }
  const turned = concatenate([negate(slice(x, -1, size / 2, size)), slice(x, -1, 0, size / 2)], -1);
  return add(multiply(x, cos), multiply(turned, sin));
}
