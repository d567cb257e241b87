/** What ModernBERT makes of a batch: rotary tables of its kinds of attention, and which tokens are near by. */
import {
  concatenate,
  constant,
  cosine,
  indices,
  multiply,
  reshape,
  scale,
  shift,
  sine,
  toFloat32,
  type Value,
} from "@nanoadam/engine";
import { type Batch, extendBatch, float32Tensor, type HostTensor, tensorOf } from "../data/batch.js";
import { outOfReach } from "./attention.js";
import { absolute, distances, type GraphBatch, isPositive, sizesOf, withValues } from "./graph-batch.js";
import type { AttentionKind } from "./layer-kinds.js";

export interface ModernbertPositions {
  readonly headSize: number;
  /** The base of the rotary angles, for the kinds of attention that the layers have. */
  readonly thetas: ReadonlyMap<AttentionKind, number>;
  /** How far a token attends to each side where attention is local. */
  readonly reach: number;
}

/** The angle of one position of each pair of entries. */
function frequenciesOf(theta: number, headSize: number): number[] {
  return Array.from({ length: headSize / 2 }, (_, pair) => Math.fround(theta ** (-(2 * pair) / headSize)));
}

/** The batch with `rope_cos.` and `rope_sin.` of each kind [length, headSize], and `window_bias` [length, length]. */
export function withPositions(batch: Batch, { headSize, thetas, reach }: ModernbertPositions): Batch {
  const [, length = 0] = tensorOf(batch, "input_ids").type.shape;
  const tensors = [...thetas].flatMap(([kind, theta]): [string, HostTensor][] => {
    const frequencies = frequenciesOf(theta, headSize);
    const [cos, sin] = [new Float32Array(length * headSize), new Float32Array(length * headSize)];
    for (let entry = 0; entry < cos.length; entry++) {
      const angle = Math.fround(Math.floor(entry / headSize) * (frequencies[entry % (headSize / 2)] ?? 0));
      cos[entry] = Math.cos(angle);
      sin[entry] = Math.sin(angle);
    }
    const shape = [length, headSize];
    return [
      [`rope_cos.${kind}`, float32Tensor(cos, shape)],
      [`rope_sin.${kind}`, float32Tensor(sin, shape)],
    ];
  });
  const bias = Float32Array.from({ length: length * length }, (_, entry) =>
    Math.abs(Math.floor(entry / length) - (entry % length)) > reach ? outOfReach : 0,
  );
  return extendBatch(batch, [...tensors, ["window_bias", float32Tensor(bias, [length, length])]]);
}

/** The same in a graph. */
export function positionsInGraph(batch: GraphBatch, { headSize, thetas, reach }: ModernbertPositions): GraphBatch {
  const [, length] = sizesOf(batch);
  const places = reshape(toFloat32(indices(length)), [length, 1]);
  const tables = [...thetas].flatMap(([kind, theta]): [string, Value][] => {
    const half = multiply(places, constant(frequenciesOf(theta, headSize), [1, headSize / 2]));
    const angles = concatenate([half, half], 1);
    return [
      [`rope_cos.${kind}`, cosine(angles)],
      [`rope_sin.${kind}`, sine(angles)],
    ];
  });
  const isFar = isPositive(shift(absolute(distances(length)), -reach));
  return withValues(batch, { ...Object.fromEntries(tables), window_bias: scale(isFar, outOfReach) });
}
