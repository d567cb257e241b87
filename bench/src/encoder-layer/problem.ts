/**
 * One BERT encoder layer without dropout, and numbers for all that it takes: the problem that every library is given.
 * The texts of the batch differ in length, so that the masking of padding takes part.
 */
import { fillNormal, sizeOf } from "@nanoadam/engine";
import { defineModel, type Stage } from "nanoadam";

/** A tensor's entries in row-major order. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface LayerSizes {
  readonly batchSize: number;
  readonly length: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly epsilon: number;
}

export interface LayerProblem {
  readonly sizes: LayerSizes;
  /** The layer as nanoadam defines it. */
  readonly stage: Stage;
  /** The tensors whose gradients are computed: the layer's input, "hidden", and its 16 parameters, weights [outputs, inputs]. */
  readonly inputs: ReadonlyMap<string, Numbers>;
  /** [batchSize, length]: 1 at tokens, 0 at padding. */
  readonly attentionMask: { readonly shape: readonly number[]; readonly values: Int32Array };
  /** The same as what is added to the attention's scores, [batchSize, 1, 1, length]: 0 and the lowest number. */
  readonly attentionBias: Numbers;
  /** The gradient of the output. */
  readonly cotangent: Numbers;
}

/** A layer that a library has made ready for the numbers of a problem. */
export interface PreparedLayer {
  /** Runs forward and backward, until every gradient is there. */
  step(): Promise<void>;
  /** Runs likewise and reads "output" and the gradients, these by the names of the inputs. */
  results(): Promise<ReadonlyMap<string, Float32Array>>;
}

/** A layer of BERT base at 8 texts of at most 128 tokens. */
export const bertBase: LayerSizes = {
  batchSize: 8,
  length: 128,
  hiddenSize: 768,
  heads: 12,
  intermediateSize: 3072,
  epsilon: 1e-12,
};

/** The problem of the given sizes, the same at every call. */
export function layerProblem(sizes: LayerSizes): LayerProblem {
  const { batchSize, length, hiddenSize } = sizes;
  const model = defineModel(modelConfig(sizes), { kind: "outputs", per: "example", outputs: 2 });
  // The embeddings come before it, and the head after it.
  const [, stage] = model.stages;
  if (stage === undefined) throw new Error("the model has no layer");
  const hidden = [batchSize * length, hiddenSize];
  const parameters = Object.entries(stage.parameters).map(([local, { shape }], index): [string, Numbers] => [
    local,
    normalNumbers(shape, 0.02, index, local.endsWith("Norm.weight") ? 1 : 0),
  ]);
  const mask = attentionMask(sizes);
  return {
    sizes,
    stage,
    inputs: new Map([["hidden", normalNumbers(hidden, 1, 100)], ...parameters]),
    attentionMask: { shape: [batchSize, length], values: mask },
    attentionBias: { shape: [batchSize, 1, 1, length], values: paddingBias(mask) },
    cotangent: normalNumbers(hidden, 1, 101),
  };
}

/** The entry of a map under a name that must be there. */
export function given<T>(values: ReadonlyMap<string, T>, name: string): T {
  const value = values.get(name);
  if (value === undefined) throw new Error(`the layer uses "${name}", which is not given`);
  return value;
}

function modelConfig(sizes: LayerSizes): Record<string, unknown> {
  return {
    model_type: "bert",
    hidden_act: "gelu",
    hidden_size: sizes.hiddenSize,
    num_attention_heads: sizes.heads,
    num_hidden_layers: 1,
    intermediate_size: sizes.intermediateSize,
    layer_norm_eps: sizes.epsilon,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    initializer_range: 0.02,
    vocab_size: 2,
    max_position_embeddings: sizes.length,
    type_vocab_size: 2,
  };
}

function normalNumbers(shape: readonly number[], deviation: number, site: number, mean = 0): Numbers {
  const values = new Float32Array(sizeOf(shape));
  fillNormal(values, deviation, { seed: 0, step: 0, site });
  return { shape, values: mean === 0 ? values : values.map((value) => mean + value) };
}

/** Every text is 8 tokens shorter than the one before. */
function attentionMask({ batchSize, length }: LayerSizes): Int32Array {
  return Int32Array.from({ length: batchSize * length }, (_, entry) =>
    entry % length < length - 8 * Math.floor(entry / length) ? 1 : 0,
  );
}

function paddingBias(mask: Int32Array): Float32Array {
  const lowest = -3.4028234663852886e38;
  return Float32Array.from(mask, (isToken) => (isToken === 1 ? 0 : lowest));
}
