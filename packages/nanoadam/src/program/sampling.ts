/**
 * From logits to a token, as transformers has it: the penalty on repetitions, then the temperature, then what is kept of the
 * likeliest. What is drawn depends on the logits and on one uniform number, so a text is the same in any company.
 */
import { argmax } from "../tasks/logits.js";

export interface SamplingOptions {
  /** What logits are divided by; 0 takes the likeliest token always. */
  readonly temperature: number;
  /** Keep so many of the likeliest tokens; all where absent. */
  readonly topK?: number | undefined;
  /** Keep the likeliest tokens that together have this probability; 1 keeps all. */
  readonly topP?: number | undefined;
  /** Keep tokens of at least this share of the likeliest one's probability. */
  readonly minP?: number | undefined;
  /** What the logits of tokens that occurred are divided by, or multiplied with where they are negative; 1 changes nothing. */
  readonly repetitionPenalty?: number | undefined;
}

/** Makes tokens that occurred less likely, in place (Keskar et al. 2019). */
export function penalizeRepetitions(scores: Float32Array, occurred: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const token of occurred) {
    const score = scores[token];
    if (score !== undefined) scores[token] = score < 0 ? score * penalty : score / penalty;
  }
}

/**
 * The next token.
 * @param logits are changed
 * @param occurred the tokens of prompt and answer so far, each once
 * @param draw uniform in [0, 1)
 */
export function chooseToken(
  logits: Float32Array,
  { temperature, topK, topP, minP, repetitionPenalty = 1 }: SamplingOptions,
  occurred: Iterable<number>,
  draw: number,
): number {
  penalizeRepetitions(logits, occurred, repetitionPenalty);
  if (temperature === 0) return argmax(logits);
  for (let token = 0; token < logits.length; token++) logits[token] = (logits[token] as number) / temperature;
  let kept = probabilities(logits);
  if (topK !== undefined && topK < kept.length) {
    const least = kept.toSorted()[kept.length - topK] ?? 0;
    kept = normalised(kept.map((share) => (share < least ? 0 : share)));
  }
  if (topP !== undefined && topP < 1) kept = normalised(likeliest(kept, topP));
  if (minP !== undefined && minP > 0) {
    const least = minP * largest(kept);
    kept = normalised(kept.map((share) => (share < least ? 0 : share)));
  }
  return drawn(kept, draw);
}

function largest(values: Float64Array | Float32Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > most) most = value;
  return most;
}

function probabilities(logits: Float32Array): Float64Array {
  const most = largest(logits);
  return normalised(Float64Array.from(logits, (logit) => Math.exp(logit - most)));
}

function normalised(shares: Float64Array): Float64Array {
  let sum = 0;
  for (const share of shares) sum += share;
  return shares.map((share) => share / sum);
}

/** The shares without the unlikeliest that together have no more than `1 - topP`; the likeliest one stays. */
function likeliest(shares: Float64Array, topP: number): Float64Array {
  const ascending = shares.toSorted();
  let [sum, place] = [0, 0];
  for (; place < ascending.length - 1; place++) {
    sum += ascending[place] as number;
    if (sum > 1 - topP) break;
  }
  const least = ascending[place] as number;
  return shares.map((share) => (share < least ? 0 : share));
}

/** The token at which the summed shares pass what was drawn. */
function drawn(shares: Float64Array, draw: number): number {
  let [sum, last] = [0, 0];
  for (let token = 0; token < shares.length; token++) {
    const share = shares[token] as number;
    if (share === 0) continue;
    sum += share;
    last = token;
    if (sum > draw) return token;
  }
  return last;
}
