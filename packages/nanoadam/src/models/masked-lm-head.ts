/** The masked-token head that all encoders share, under the names that each gives it. */
import { gather, linear } from "@nanoadam/engine";
import { type Activation, activations, linearLayer, normalisationLayer } from "./encoder.js";
import {
  type HeadParts,
  layerNames,
  linearParameters,
  normalisationParameters,
  type ParameterSpecification,
} from "./model.js";

export interface MaskedLmHeadOptions {
  readonly stage: string;
  /** Checkpoint names of the dense layer, the normalisation, the bias, and the word embeddings, which are tied. */
  readonly names: {
    readonly transform: string;
    readonly LayerNorm: string;
    readonly bias: string;
    readonly wordEmbeddings: string;
  };
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly deviation: number;
  readonly activation: Activation;
  readonly epsilon: number;
}

/**
 * Logits over the vocabulary at the masked places only, [places, vocabulary]: a dense layer, its activation and
 * normalisation, then the product with the word embeddings.
 */
export function maskedLmHead(options: MaskedLmHeadOptions): HeadParts {
  const { names, hiddenSize, vocabularySize, deviation, activation, epsilon } = options;
  const bias: ParameterSpecification = {
    name: names.bias,
    shape: [vocabularySize],
    role: "head",
    initialisation: { kind: "constant", value: 0 },
  };
  return {
    parameters: [
      ...linearParameters(names.transform, hiddenSize, hiddenSize, deviation, true),
      ...normalisationParameters(names.LayerNorm, hiddenSize),
      bias,
    ],
    stage: {
      name: options.stage,
      kind: "head",
      parameters: new Map([
        ...layerNames({ transform: names.transform, LayerNorm: names.LayerNorm }),
        ["bias", names.bias],
        ["word_embeddings.weight", names.wordEmbeddings],
      ]),
      build(context) {
        const places = gather(context.hidden(), context.batchInput("masked_positions"));
        const transformed = activations[activation](linearLayer(context, "transform", places));
        const normalised = normalisationLayer(context, "LayerNorm", transformed, epsilon);
        return linear(normalised, context.parameter("word_embeddings.weight"), context.parameter("bias"));
      },
    },
  };
}
