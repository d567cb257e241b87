/** The heads that decoders share: over the vocabulary, for each text and for each token. */
import { gather, linear, scale, tanh, type Value } from "@nanoadam/engine";
import { InputError } from "../errors.js";
import { everyToken } from "./layers.js";
import { predictedPositions } from "./masked-lm-head.js";
import type { Block, Head, HeadSpecification } from "./model.js";
import { type LocalParameters, linearParameters } from "./parameters.js";

export interface DecoderHeadOptions {
  /** What `config.architectures` calls the model with each head; what has no token head leaves it out. */
  readonly classNames: { readonly languageModel: string; readonly texts: string; readonly tokens?: string };
  /** Columns of the rows that are judged. */
  readonly width: number;
  readonly vocabulary: number;
  readonly deviation: number;
  /** Whether the head over the vocabulary is the embedding table. */
  readonly isTied: boolean;
  /** The parameters of the embedding table, whose local name is `embed_tokens`. */
  readonly embedding: LocalParameters;
  /** Logits over the vocabulary stay within this distance of 0, where it is given. */
  readonly logitCap?: number | undefined;
}

/** The rows of a head that judges each text by its last token, which has seen all the others: [texts, hidden]. */
const lastToken: Block = (context) => gather(context.hidden(), context.input("last_tokens"));

export function decoderHead(specification: HeadSpecification, options: DecoderHeadOptions): Head {
  const { classNames, width, deviation } = options;
  if (specification.kind === "language-model") return languageModelHead(options);
  const { per, outputs } = specification;
  const isOfTexts = per === "example";
  const architecture = isOfTexts ? classNames.texts : classNames.tokens;
  if (architecture === undefined) {
    throw new InputError(`config.json: a ${classNames.languageModel} has no head for tokens, only for texts`);
  }
  return {
    architecture,
    pool: isOfTexts ? lastToken : everyToken,
    stage: {
      name: "score",
      parameters: linearParameters("score", "score", [width, outputs], { deviation, bias: !isOfTexts, isHead: true }),
      block: (context) =>
        context.linear("score", isOfTexts ? context.hidden() : context.dropout(context.hidden(), 0.1)),
    },
  };
}

function languageModelHead(options: DecoderHeadOptions): Head {
  const { classNames, width, vocabulary, deviation, isTied, embedding, logitCap } = options;
  const own = linearParameters("lm_head", "lm_head", [width, vocabulary], { deviation, bias: false, isHead: true });
  const table = isTied ? "embed_tokens.weight" : "lm_head.weight";
  return {
    architecture: classNames.languageModel,
    pool: predictedPositions,
    tiedNames: isTied ? ["lm_head.weight"] : [],
    stage: {
      name: "lm_head",
      parameters: isTied ? embedding : own,
      block: (context) => capped(linear(context.hidden(), context.parameter(table)), logitCap),
    },
  };
}

function capped(logits: Value, cap: number | undefined): Value {
  return cap === undefined ? logits : scale(tanh(scale(logits, 1 / cap)), cap);
}
