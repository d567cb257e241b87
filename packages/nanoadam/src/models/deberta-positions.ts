/** Relative positions of DeBERTa: distances, of which those beyond half the buckets share them by the logarithm. */
import { constant, gather, reshape, shift, toInt32 } from "@nanoadam/engine";
import { type Batch, extendBatch, int32Tensor, tensorOf } from "../data/batch.js";
import { InputError } from "../errors.js";
import { distances, type GraphBatch, sizesOf, withValues } from "./graph-batch.js";

/** What they follow from. */
export interface RelativePositionConfig {
  readonly position_buckets: number;
  readonly max_relative_positions: number;
  readonly max_position_embeddings: number;
}

/** Half the buckets are for single distances; the others share what is left up to the largest one by its logarithm. */
export function requireBuckets(config: RelativePositionConfig): void {
  const [buckets, most] = [config.position_buckets, mostRelative(config)];
  const middle = Math.floor(buckets / 2);
  if (buckets <= 0 || (middle > 0 && most - 1 > middle)) return;
  throw new InputError(
    `config.json: position_buckets is ${buckets}, which does not fit max_relative_positions ${most}`,
  );
}

/** Half the rows of the table of relative positions: those of one direction. */
export function relativeSpan(config: RelativePositionConfig): number {
  return config.position_buckets > 0 ? config.position_buckets : mostRelative(config);
}

/** The largest distance that is told from larger ones. */
function mostRelative(config: RelativePositionConfig): number {
  return config.max_relative_positions > 0 ? config.max_relative_positions : config.max_position_embeddings;
}

/** The rows of the table of relative positions that texts of a length can reach, from the first up to the end. */
export function reachedRows(length: number, config: RelativePositionConfig): readonly [first: number, end: number] {
  const [span, reach] = [relativeSpan(config), bucketOf(length - 1, config)];
  return [Math.max(span - reach, 0), Math.min(span + reach + 1, 2 * span)];
}

/** The batch with the reached row for each query and key, `relative_positions`, int32 [length, length]. */
export function withRelativePositions(batch: Batch, config: RelativePositionConfig): Batch {
  const [, length = 0] = tensorOf(batch, "input_ids").type.shape;
  const [first, end] = reachedRows(length, config);
  const rows = Int32Array.from({ length: length * length }, (_, entry) => {
    const distance = Math.floor(entry / length) - (entry % length);
    const row = bucketOf(distance, config) + relativeSpan(config);
    return Math.min(Math.max(row, first), end - 1) - first;
  });
  return extendBatch(batch, [["relative_positions", int32Tensor(rows, [length, length])]]);
}

/** The bucket of a distance: itself up to half the buckets, then by its logarithm, in float32 as transformers has it. */
function bucketOf(distance: number, config: RelativePositionConfig): number {
  const { position_buckets: buckets } = config;
  if (buckets <= 0) return distance;
  const middle = Math.floor(buckets / 2);
  const length = Math.abs(distance);
  if (length <= middle) return distance;
  const { fround, log } = Math;
  const steps = fround(fround(log(fround(length / middle))) / fround(log(fround((mostRelative(config) - 1) / middle))));
  return Math.sign(distance) * (Math.ceil(fround(steps * (middle - 1))) + middle);
}

/**
 * As `withRelativePositions`, in a graph, which is of the whole table: the row of each distance is looked up, for texts of as many
 * tokens as the model has positions.
 */
export function relativePositions(batch: GraphBatch, config: RelativePositionConfig): GraphBatch {
  const [, length] = sizesOf(batch);
  const [most, span] = [config.max_position_embeddings, relativeSpan(config)];
  const rows = Array.from({ length: 2 * most - 1 }, (_, place) => {
    const row = bucketOf(place - (most - 1), config) + span;
    return Math.min(Math.max(row, 0), 2 * span - 1);
  });
  const places = toInt32(reshape(shift(distances(length), most - 1), [length * length]));
  const found = gather(constant(rows, [rows.length, 1]), places);
  return withValues(batch, { relative_positions: toInt32(reshape(found, [length, length])) });
}
