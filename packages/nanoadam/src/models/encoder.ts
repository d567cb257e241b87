/**
 * The post-normalised transformer layer that BERT, RoBERTa, DistilBERT and ELECTRA share, and positions. Hidden states are
 * [texts * length, hidden] throughout.
 */
import { add, cumulativeSum, multiply, scale, shift, toFloat32, toInt32, type Value } from "@nanoadam/engine";
import { type Batch, extendBatch, int32Tensor, tensorOf } from "../data/batch.js";
import { attend, paddingBias, splitHeads } from "./attention.js";
import { batchValue, type GraphBatch, isNotZero, withValues } from "./graph-batch.js";
import { type Activation, activations, normalise } from "./layers.js";
import type { Block, StageContext } from "./model.js";
import { type LocalParameters, linearParameters, normalisationParameters } from "./parameters.js";

export interface EncoderLayerOptions {
  readonly heads: number;
  readonly epsilon: number;
  readonly activation: Activation;
  readonly attentionDropout: number;
  readonly attentionOutputDropout: number;
  readonly outputDropout: number;
}

/**
 * One post-normalised transformer layer with the local parameters query, key, value, attentionOutput, attentionNorm,
 * intermediate, output and outputNorm.
 */
export function encoderLayer(options: EncoderLayerOptions): Block {
  return (context) => {
    const split = (name: string) => splitHeads(context, context.linear(name, context.hidden()), options.heads);
    const [query, key, value] = [split("query"), split("key"), split("value")];
    const bias = paddingBias(context);
    return afterAttention(
      context,
      attend(context, { query, key, value, bias, dropout: options.attentionDropout }),
      options,
    );
  };
}

/** The rest of such a layer, where `mixed` is what its heads have attended to. */
export function afterAttention(context: StageContext, mixed: Value, options: EncoderLayerOptions): Value {
  const attention = context.dropout(context.linear("attentionOutput", mixed), options.attentionOutputDropout);
  const attended = normalise(context, "attentionNorm", add(attention, context.hidden()), options);
  const expanded = activations[options.activation](context.linear("intermediate", attended));
  const output = context.dropout(context.linear("output", expanded), options.outputDropout);
  return normalise(context, "outputNorm", add(output, attended), options);
}

/** Checkpoint names of a layer's parts by their local names. */
export interface EncoderLayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly attentionNorm: string;
  readonly intermediate: string;
  readonly output: string;
  readonly outputNorm: string;
}

/** Parameters of one transformer layer. */
export function encoderLayerParameters(
  names: EncoderLayerNames,
  {
    hidden,
    intermediate,
    deviation,
  }: { readonly hidden: number; readonly intermediate: number; readonly deviation: number },
): LocalParameters {
  const linear = (local: keyof EncoderLayerNames, sizes: readonly [number, number]) =>
    linearParameters(local, names[local], sizes, { deviation });
  return {
    ...linear("query", [hidden, hidden]),
    ...linear("key", [hidden, hidden]),
    ...linear("value", [hidden, hidden]),
    ...linear("attentionOutput", [hidden, hidden]),
    ...normalisationParameters("attentionNorm", names.attentionNorm, hidden),
    ...linear("intermediate", [hidden, intermediate]),
    ...linear("output", [intermediate, hidden]),
    ...normalisationParameters("outputNorm", names.outputNorm, hidden),
  };
}

/** The batch with `position_ids` 0, 1, 2, ... in every row. */
export function withConsecutivePositions(batch: Batch): Batch {
  const { data, type } = tensorOf(batch, "input_ids");
  const [, length = 1] = type.shape;
  const positions = Int32Array.from(data, (_, token) => token % length);
  return extendBatch(batch, [["position_ids", int32Tensor(positions, type.shape)]]);
}

/** The batch with the token type 0 throughout, as of models that know one type, whatever the tokenizer says. */
export function withOneTokenType(batch: Batch): Batch {
  const { data, type } = tensorOf(batch, "input_ids");
  return extendBatch(batch, [["token_type_ids", int32Tensor(new Int32Array(data.length), type.shape)]]);
}

/**
 * The batch with RoBERTa's `position_ids`: tokens count up from `padding` + 1; padding itself has the position `padding`.
 */
export function withPositionsAfterPadding(batch: Batch, padding: number): Batch {
  const { data, type } = tensorOf(batch, "input_ids");
  const [texts = 0, length = 0] = type.shape;
  const positions = new Int32Array(data.length);
  for (let row = 0; row < texts; row++) {
    let next = padding;
    for (let token = row * length; token < (row + 1) * length; token++) {
      positions[token] = data[token] === padding ? padding : ++next;
    }
  }
  return extendBatch(batch, [["position_ids", int32Tensor(positions, type.shape)]]);
}

/** As `withOneTokenType`, in a graph. */
export function oneTokenType(batch: GraphBatch): GraphBatch {
  return withValues(batch, { token_type_ids: toInt32(scale(toFloat32(batchValue(batch, "input_ids")), 0)) });
}

/** As `withPositionsAfterPadding`, in a graph. */
export function positionsAfterPadding(batch: GraphBatch, padding: number): GraphBatch {
  const isToken = isNotZero(shift(toFloat32(batchValue(batch, "input_ids")), -padding));
  const positions = shift(multiply(cumulativeSum(isToken, 1), isToken), padding);
  return withValues(batch, { position_ids: toInt32(positions) });
}
