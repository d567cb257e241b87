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
  /** The head for tokens. */
  readonly tokenHead?: { readonly dropout: number; readonly bias: boolean };
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

/** @throws InputError for a head for tokens where there is no such class */
export function decoderHead(specification: HeadSpecification, options: DecoderHeadOptions): Head {
  if (specification.kind === "language-model") return languageModelHead(options);
  const { classNames, tokenHead = { dropout: 0, bias: false } } = options;
  if (specification.per === "example") {
    return scoreHead(classNames.texts, lastToken, specification.outputs, { dropout: 0, bias: false }, options);
  }
  if (classNames.tokens !== undefined) {
    return scoreHead(classNames.tokens, everyToken, specification.outputs, tokenHead, options);
  }
  throw new InputError(`config.json: a ${classNames.languageModel} has no head for tokens, only for texts`);
}

function scoreHead(
  architecture: string,
  pool: Block,
  outputs: number,
  { dropout, bias }: { readonly dropout: number; readonly bias: boolean },
  { width, deviation }: DecoderHeadOptions,
): Head {
  return {
    architecture,
    pool,
    stage: {
      name: "score",
      parameters: linearParameters("score", "score", [width, outputs], { deviation, bias, isHead: true }),
      block: (context) => context.linear("score", context.dropout(context.hidden(), dropout)),
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
      columnParameters: [table],
      block: (context) => capped(linear(context.hidden(), context.parameter(table)), logitCap),
    },
  };
}

function capped(logits: Value, cap: number | undefined): Value {
  return cap === undefined ? logits : scale(tanh(scale(logits, 1 / cap)), cap);
}
