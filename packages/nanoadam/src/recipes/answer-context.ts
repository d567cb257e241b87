/** What answers of a decoder are made with, be they to prompts or in conversations. */
import type { TextTokenizer } from "../data/text/tokenizer.js";
import type { GenerateOptions } from "../options/generation-options.js";
import type { Decoding } from "../program/decoding.js";
import type { StopSignal } from "../train/loop.js";
import type { TextPiece } from "./text-pieces.js";

/** What may end an answer early. */
export interface GenerateControl {
  /** Once aborted, the answer ends with an AbortError before its next token. */
  readonly signal?: StopSignal | undefined;
}

export interface AnswerContext {
  readonly folder: string;
  readonly tokenizer: TextTokenizer;
  /** Tokens of prompt and answer at most. */
  readonly maximumLength: number;
  /** Tokens that end an answer. */
  readonly endIds: ReadonlySet<number>;
  newDecoding(): Decoding;
  /** The answer to the prompt that a row of `decoding` is made to be. */
  answer(
    decoding: Decoding,
    prompt: readonly number[],
    options: GenerateOptions,
    control: GenerateControl & { readonly endIds?: ReadonlySet<number> },
  ): AsyncGenerator<TextPiece, void>;
}
