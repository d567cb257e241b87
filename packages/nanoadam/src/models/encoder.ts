/**
 * The parts that BERT, RoBERTa and DistilBERT share: embeddings, the post-normalised transformer layer, and the
 * tensors of a batch. Hidden states are [batchSize * length, hiddenSize] throughout.
 */
import {
  add,
  gelu,
  geluTanh,
  layerNorm,
  linear,
  matmul,
  relu,
  reshape,
  softmax,
  type TensorData,
  type TensorType,
  takeIndex,
  transpose,
  type Value,
} from "@nanoadam/engine";
import {
  type BatchShape,
  linearParameters,
  normalisationParameters,
  type ParameterSpecification,
  type StageContext,
  type TokenBatch,
} from "./model.js";

/** `hidden_act` of a configuration. */
export const activations = { gelu, gelu_new: geluTanh, gelu_pytorch_tanh: geluTanh, relu } as const;
export type Activation = keyof typeof activations;

/** Added to the scores of padding: the lowest finite float32, as Hugging Face models do. */
const masked = -3.4028234663852886e38;

/** The linear layer `name` of a stage, weight, bias and adapter, applied to x. */
export function linearLayer(context: StageContext, name: string, x: Value): Value {
  const output = linear(x, context.parameter(`${name}.weight`), context.parameter(`${name}.bias`));
  return context.adapt?.(name, x, output) ?? output;
}

/** The layer normalisation `name` of a stage, applied to x. */
export function normalisationLayer(context: StageContext, name: string, x: Value, epsilon: number): Value {
  return layerNorm(x, context.parameter(`${name}.weight`), context.parameter(`${name}.bias`), epsilon);
}

/** Sum of the embeddings looked up, normalised: `lookups` maps a table's local name to the batch tensor of its rows. */
export function embeddings(
  context: StageContext,
  lookups: Readonly<Record<string, string>>,
  epsilon: number,
  dropoutRate: number,
): Value {
  const found = Object.entries(lookups).map(([table, rows]) => context.lookUp(`${table}.weight`, rows));
  return context.dropout(normalisationLayer(context, "LayerNorm", found.reduce(add), epsilon), dropoutRate);
}

export interface EncoderLayerOptions {
  readonly heads: number;
  readonly hiddenSize: number;
  readonly epsilon: number;
  readonly activation: Activation;
  readonly attentionDropout: number;
  readonly attentionOutputDropout: number;
  readonly outputDropout: number;
}

/** Checkpoint names of a layer's parts by their local names. */
export type EncoderLayerNames = {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly attentionNorm: string;
  readonly intermediate: string;
  readonly output: string;
  readonly outputNorm: string;
};

/** Parameters of one transformer layer. */
export function encoderLayerParameters(
  names: EncoderLayerNames,
  hiddenSize: number,
  intermediateSize: number,
  deviation: number,
): ParameterSpecification[] {
  return [
    ...linearParameters(names.query, hiddenSize, hiddenSize, deviation),
    ...linearParameters(names.key, hiddenSize, hiddenSize, deviation),
    ...linearParameters(names.value, hiddenSize, hiddenSize, deviation),
    ...linearParameters(names.attentionOutput, hiddenSize, hiddenSize, deviation),
    ...normalisationParameters(names.attentionNorm, hiddenSize),
    ...linearParameters(names.intermediate, hiddenSize, intermediateSize, deviation),
    ...linearParameters(names.output, intermediateSize, hiddenSize, deviation),
    ...normalisationParameters(names.outputNorm, hiddenSize),
  ];
}

/**
 * One post-normalised transformer layer with the local parameters query, key, value, attentionOutput, attentionNorm,
 * intermediate, output and outputNorm.
 */
export function encoderLayer(context: StageContext, options: EncoderLayerOptions): Value {
  const { heads, hiddenSize, epsilon } = options;
  const { batchSize, length } = context;
  const headSize = hiddenSize / heads;
  const x = context.hidden();
  const split = (name: string) =>
    transpose(reshape(linearLayer(context, name, x), [batchSize, length, heads, headSize]), [0, 2, 1, 3]);
  const scores = matmul(split("query"), split("key"), { transposeB: true, scale: 1 / Math.sqrt(headSize) });
  const probabilities = context.dropout(
    softmax(add(scores, context.batchInput("attention_bias"))),
    options.attentionDropout,
  );
  const mixed = reshape(transpose(matmul(probabilities, split("value")), [0, 2, 1, 3]), x.type.shape);
  const attention = context.dropout(linearLayer(context, "attentionOutput", mixed), options.attentionOutputDropout);
  const attended = normalisationLayer(context, "attentionNorm", add(attention, x), epsilon);
  const expanded = activations[options.activation](linearLayer(context, "intermediate", attended));
  const output = context.dropout(linearLayer(context, "output", expanded), options.outputDropout);
  return normalisationLayer(context, "outputNorm", add(output, attended), epsilon);
}

/** The hidden state of each text's first token: [batchSize, hiddenSize]. */
export function firstToken(context: StageContext): Value {
  const x = context.hidden();
  const { batchSize, length } = context;
  return takeIndex(reshape(x, [batchSize, length, x.type.shape[1] ?? 0]), 1, 0);
}

/** Types of the batch tensors that every encoder uses. */
export function encoderInputTypes({ batchSize, length }: BatchShape): Map<string, TensorType> {
  const tokens: TensorType = { dataType: "int32", shape: [batchSize * length] };
  return new Map([
    ["input_ids", tokens],
    ["position_ids", tokens],
    ["token_type_ids", tokens],
    ["attention_bias", { dataType: "float32", shape: [batchSize, 1, 1, length] }],
  ]);
}

/** The batch tensors that every encoder uses, but for `position_ids`, which differ. */
export function encoderInputs(batch: TokenBatch, positionIds: Int32Array): Map<string, TensorData> {
  const attentionBias = new Float32Array(batch.attentionMask.length);
  for (let token = 0; token < attentionBias.length; token++) {
    if (batch.attentionMask[token] === 0) attentionBias[token] = masked;
  }
  return new Map<string, TensorData>([
    ["input_ids", batch.inputIds],
    ["position_ids", positionIds],
    ["token_type_ids", batch.tokenTypeIds],
    ["attention_bias", attentionBias],
  ]);
}

/** A function that gives 0, 1, 2, ... in every row, made once for each shape of a batch. */
export function consecutivePositions(): (shape: BatchShape) => Int32Array {
  const known = new Map<string, Int32Array>();
  return ({ batchSize, length }) => {
    const key = `${batchSize}x${length}`;
    const positions = known.get(key) ?? Int32Array.from({ length: batchSize * length }, (_, token) => token % length);
    known.set(key, positions);
    return positions;
  };
}
