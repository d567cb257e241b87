/** Tokens one after another: the likeliest, or drawn. */
import { uniform } from "@nanoadam/engine";
import { InputError } from "../errors.js";
import { randomSites } from "../random-streams.js";
import type { Decoding } from "./decoding.js";
import { chooseToken, type SamplingOptions } from "./sampling.js";

export interface GenerationOptions extends SamplingOptions {
  /** Tokens of an answer, at most. */
  readonly maxNewTokens: number;
  /** Tokens that end an answer. */
  readonly endIds: ReadonlySet<number>;
  /** What is drawn follows from it and from a token's place in its text, so the same prompt gives the same in any company. */
  readonly seed: number;
}

/**
 * Goes on with every row of what is given; each step yields a row's token, the one that ends its answer included, and nothing
 * for rows that have ended.
 * @param decoding rows that have tokens; it takes in all tokens that are yielded but the last
 * @param isFinished asked after each step whether a row is to go no further
 * @throws InputError where the model's logits are not numbers
 */
export async function* generateTokens(
  decoding: Decoding,
  { maxNewTokens, endIds, seed, ...sampling }: GenerationOptions,
  isFinished: (row: number) => boolean = () => false,
): AsyncGenerator<readonly (number | undefined)[], void> {
  const penalizes = (sampling.repetitionPenalty ?? 1) !== 1;
  const occurred = decoding.tokens.map((tokens) => new Set(penalizes ? tokens : []));
  const hasEnded = decoding.tokens.map(() => false);
  for (let step = 1; step <= maxNewTokens; step++) {
    const chosen = decoding.logits.map((logits, row) => {
      if (hasEnded[row] === true) return undefined;
      const seen = occurred[row] ?? new Set();
      const place = decoding.tokens[row]?.length ?? 0;
      const draw = uniform({ seed, step: place, site: randomSites.sampling }, 0);
      const token = chooseToken(logits, sampling, seen, draw);
      requireFinite(logits[token]);
      if (penalizes) seen.add(token);
      return token;
    });
    yield chosen;
    for (const [row, token] of chosen.entries()) {
      if (token === undefined || endIds.has(token) || isFinished(row)) hasEnded[row] = true;
    }
    if (step === maxNewTokens || hasEnded.every(Boolean)) return;
    await decoding.append(chosen.map((token, row) => (token === undefined || hasEnded[row] === true ? [] : [token])));
  }
}

/** @throws InputError for a logit that is not a number: then all are worth nothing */
export function requireFinite(logit: number | undefined): void {
  if (logit !== undefined && Number.isFinite(logit)) return;
  throw new InputError(`the model's logits are not finite (${logit}), so it cannot say which token is next`);
}
