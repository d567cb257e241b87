/** The head over the vocabulary that all encoders share, under the names that each gives it. */
import { gather, linear } from "@nanoadam/engine";
import { type Activation, activations, normalise } from "./layers.js";
import type { Block, Head } from "./model.js";
import { constantParameter, embeddingParameters, linearParameters, normalisationParameters } from "./parameters.js";

/** The rows of a head that predicts tokens: [places, hidden], those that the batch's `predicted_positions` name. */
export const predictedPositions: Block = (context) => gather(context.hidden(), context.input("predicted_positions"));

export interface MaskedLmHeadOptions {
  readonly architecture: string;
  readonly stage: string;
  /** Checkpoint names of the dense layer, the normalisation, the bias, and the word embeddings, which are tied. */
  readonly names: {
    readonly transform: string;
    readonly LayerNorm: string;
    readonly bias: string;
    readonly wordEmbeddings: string;
  };
  readonly hidden: number;
  /** Columns of the word embeddings, where they differ from the hidden size. */
  readonly embedding?: number;
  readonly vocabulary: number;
  readonly deviation: number;
  readonly activation: Activation;
  readonly epsilon: number;
  readonly tiedNames: readonly string[];
}

/**
 * Logits over the vocabulary at the predicted positions only, [places, vocabulary]: a dense layer, its activation and
 * normalisation, then the product with the word embeddings.
 */
export function maskedLmHead(options: MaskedLmHeadOptions): Head {
  const { architecture, names, hidden, embedding = hidden, vocabulary, deviation, activation, epsilon } = options;
  return {
    architecture,
    pool: predictedPositions,
    tiedNames: options.tiedNames,
    stage: {
      name: options.stage,
      parameters: {
        ...linearParameters("transform", names.transform, [hidden, embedding], { deviation, isHead: true }),
        ...normalisationParameters("LayerNorm", names.LayerNorm, embedding),
        bias: constantParameter(names.bias, [vocabulary], "head", 0),
        ...embeddingParameters("word_embeddings", names.wordEmbeddings, [vocabulary, embedding], deviation),
      },
      block(context) {
        const transformed = activations[activation](context.linear("transform", context.hidden()));
        const normalised = normalise(context, "LayerNorm", transformed, { epsilon });
        return linear(normalised, context.parameter("word_embeddings.weight"), context.parameter("bias"));
      },
    },
  };
}
