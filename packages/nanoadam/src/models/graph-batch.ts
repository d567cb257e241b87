/** A batch inside a graph: what `Backbone.extend` computes of the host's tensors, as values that are computed of a graph's inputs. */
import {
  add,
  broadcastTo,
  indices,
  negate,
  relu,
  reshape,
  shift,
  subtract,
  toFloat32,
  type Value,
} from "@nanoadam/engine";

/** Values under the names that a batch's tensors have. */
export type GraphBatch = ReadonlyMap<string, Value>;

/** @throws Error where the batch has none of the name, which is a fault of the program */
export function batchValue(batch: GraphBatch, name: string): Value {
  const value = batch.get(name);
  if (value === undefined) throw new Error(`the batch has no "${name}", only ${[...batch.keys()].join(", ")}`);
  return value;
}

export function withValues(batch: GraphBatch, values: Readonly<Record<string, Value>>): GraphBatch {
  return new Map([...batch, ...Object.entries(values)]);
}

/** Texts, and tokens of each. */
export function sizesOf(batch: GraphBatch): readonly [texts: number, length: number] {
  const [texts = 0, length = 0] = batchValue(batch, "input_ids").type.shape;
  return [texts, length];
}

/** `position_ids` 0, 1, 2, ... in every row. */
export function consecutivePositions(batch: GraphBatch): GraphBatch {
  const [texts, length] = sizesOf(batch);
  return withValues(batch, { position_ids: broadcastTo(reshape(indices(length), [1, length]), [texts, length]) });
}

/** How far each token stands after each other one, float32 [length, length]: its place less the other's. */
export function distances(length: number): Value {
  const places = toFloat32(indices(length));
  return subtract(reshape(places, [length, 1]), reshape(places, [1, length]));
}

/** |x|. */
export function absolute(x: Value): Value {
  return add(relu(x), relu(negate(x)));
}

/** 1 where a whole number is above 0, else 0. */
export function isPositive(x: Value): Value {
  return subtract(relu(x), relu(shift(x, -1)));
}

/** 1 where a whole number is not 0, else 0. */
export function isNotZero(x: Value): Value {
  return isPositive(absolute(x));
}
