/** An answer as text, piece by piece, while its tokens are generated. */
import { StopStrings } from "../data/text/stop-strings.js";
import { StreamDecoder } from "../data/text/stream-decoder.js";
import type { TextTokenizer } from "../data/text/tokenizer.js";
import { AbortError } from "../errors.js";
import type { GenerationSettings } from "../options/generation-options.js";
import { searchBeams } from "../program/beam-search.js";
import type { Decoding } from "../program/decoding.js";
import { type GenerationOptions, generateTokens } from "../program/generate.js";
import type { StopSignal } from "../train/loop.js";

/** Why an answer ended: its end token, one of `stop`, or as many tokens as may be. */
export type FinishReason = "end" | "stop" | "length";

/** A piece of an answer. */
export interface TextPiece {
  /** What the piece adds to the text; may be empty, while a character is incomplete or `stop` may begin. */
  readonly text: string;
  /** The tokens that it is made of; those of all pieces are those of the answer, the one that ends it included. */
  readonly ids: readonly number[];
  /** Of the last piece. */
  readonly finishReason?: FinishReason;
}

export interface AnswerOptions
  extends Pick<GenerationSettings, "stop" | "beams" | "lengthPenalty">,
    GenerationOptions {}

/**
 * The answer of a model that has taken in a prompt.
 * @param decoding one row, which has the prompt
 * @throws AbortError once the signal is aborted
 */
export async function* textPieces(
  decoding: Decoding,
  tokenizer: Pick<TextTokenizer, "decode" | "isSpecial">,
  { stop = [], beams, lengthPenalty, ...options }: AnswerOptions,
  signal: StopSignal | undefined,
): AsyncGenerator<TextPiece, void> {
  const decoder = new StreamDecoder(tokenizer, decoding.tokens[0]);
  const stops = new StopStrings(typeof stop === "string" ? [stop] : stop);
  let count = 0;
  const requireGoingOn = () => {
    if (signal?.aborted === true) throw new AbortError(`interrupted after ${count} tokens`, signal.reason);
  };
  const tokens =
    beams > 1
      ? beamTokens(decoding, { ...options, beams, lengthPenalty }, requireGoingOn)
      : likeliestOrDrawn(decoding, options);
  requireGoingOn();
  for await (const id of tokens) {
    count++;
    const isEnd = options.endIds.has(id);
    const text = isEnd ? stops.push(decoder.flush()) : stops.push(decoder.push(id));
    const finishReason = stops.isFound ? "stop" : isEnd ? "end" : count === options.maxNewTokens ? "length" : undefined;
    if (finishReason !== undefined) {
      const rest = stops.push(decoder.flush());
      yield { text: text + rest + stops.flush(), ids: [id], finishReason: stops.isFound ? "stop" : finishReason };
      return;
    }
    yield { text, ids: [id] };
    requireGoingOn();
  }
}

async function* likeliestOrDrawn(decoding: Decoding, options: GenerationOptions): AsyncGenerator<number, void> {
  for await (const [id] of generateTokens(decoding, options)) if (id !== undefined) yield id;
}

async function* beamTokens(
  decoding: Decoding,
  options: Parameters<typeof searchBeams>[1],
  onStep: () => void,
): AsyncGenerator<number, void> {
  yield* await searchBeams(decoding, options, onStep);
}
