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
  readonly names: MaskedLmHeadNames;
  /** Whether the last layer is the word embeddings; else it has a table and a bias of its own. */
  readonly isTied: boolean;
  readonly hidden: number;
  /** Columns of the word embeddings, where they differ from the hidden size. */
  readonly embedding?: number;
  readonly vocabulary: number;
  readonly deviation: number;
  readonly activation: Activation;
  readonly epsilon: number;
}

/** Checkpoint names of the head's parts. */
export interface MaskedLmHeadNames {
  /** The dense layer. */
  readonly transform: string;
  readonly LayerNorm: string;
  /** The bias beside the word embeddings. */
  readonly bias: string;
  readonly wordEmbeddings: string;
  /** The last layer, which repeats the word embeddings and the bias where they are tied; absent where there is none. */
  readonly decoder?: string;
}

/** The last layer's parameters, and the tensors of a checkpoint that say nothing beside them. */
function lastLayer({ names, isTied, vocabulary, hidden, embedding = hidden, deviation }: MaskedLmHeadOptions) {
  const { decoder, bias } = names;
  const own = [`${decoder}.weight`, `${decoder}.bias`];
  const isOwn = decoder !== undefined && !isTied;
  return {
    parameters: {
      ...embeddingParameters("decoder", isOwn ? decoder : names.wordEmbeddings, [vocabulary, embedding], deviation),
      bias: constantParameter(isOwn ? `${decoder}.bias` : bias, [vocabulary], "head", 0),
    },
    tiedNames: decoder === undefined ? [] : (isOwn ? [bias] : own).filter((name) => name !== (isOwn ? own[1] : bias)),
  };
}

/**
 * Logits over the vocabulary at the predicted positions only, [places, vocabulary]: a dense layer, its activation and
 * normalisation, then the product with the word embeddings, or with a table of its own.
 */
export function maskedLmHead(options: MaskedLmHeadOptions): Head {
  const { architecture, names, hidden, embedding = hidden, deviation, activation, epsilon } = options;
  const { parameters, tiedNames } = lastLayer(options);
  return {
    architecture,
    pool: predictedPositions,
    tiedNames,
    transform: {
      name: `${options.stage}.transform`,
      parameters: {
        ...linearParameters("transform", names.transform, [hidden, embedding], { deviation, isHead: true }),
        ...normalisationParameters("LayerNorm", names.LayerNorm, embedding),
      },
      block(context) {
        const transformed = activations[activation](context.linear("transform", context.hidden()));
        return normalise(context, "LayerNorm", transformed, { epsilon });
      },
    },
    stage: {
      name: options.stage,
      parameters,
      columnParameters: ["decoder.weight", "bias"],
      block: (context) => linear(context.hidden(), context.parameter("decoder.weight"), context.parameter("bias")),
    },
  };
}
