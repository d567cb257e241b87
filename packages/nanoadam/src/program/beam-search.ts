/**
 * Beam search as transformers has it: several continuations go on side by side, those whose summed log-probabilities are largest,
 * and what has ended is judged by that sum over a power of its length.
 */
import type { Decoding } from "./decoding.js";
import { type GenerationOptions, requireFinite } from "./generate.js";
import { penalizeRepetitions } from "./sampling.js";

export interface BeamOptions extends Pick<GenerationOptions, "maxNewTokens" | "endIds" | "repetitionPenalty"> {
  /** How many continuations go on side by side. */
  readonly beams: number;
  /** The power of the length: above 0, longer answers are preferred. By default 1. */
  readonly lengthPenalty?: number | undefined;
  /**
   * When to end: `true` as soon as as many answers as beams have ended; `false` (the default) when it is unlikely that a better one
   * follows; `"never"` when there can be none.
   */
  readonly earlyStopping?: boolean | "never" | undefined;
}

interface Beam {
  /** The answer so far. */
  readonly tokens: readonly number[];
  readonly score: number;
}

interface Candidate extends Beam {
  /** The row that it goes on from. */
  readonly row: number;
  readonly hasEnded: boolean;
}

/**
 * The best answer found, the token that ends it included.
 * @param decoding one row, which has the prompt; afterwards it has as many rows as beams
 * @param onStep called before each step; what it throws ends the search
 */
export async function searchBeams(
  decoding: Decoding,
  options: BeamOptions,
  onStep: () => void = () => undefined,
): Promise<readonly number[]> {
  const { beams, maxNewTokens, lengthPenalty = 1, earlyStopping = false } = options;
  const prompt = decoding.tokens[0] ?? [];
  let running: readonly Beam[] = [{ tokens: [], score: 0 }];
  let ended: readonly Beam[] = [];
  let mayImprove = true;
  for (let length = 1; mayImprove; length++) {
    onStep();
    const candidates = bestCandidates(decoding, running, prompt, options, length === maxNewTokens);
    const areFull = earlyStopping === true && ended.length === beams;
    const ending = candidates.slice(0, beams).filter(({ hasEnded }) => hasEnded && !areFull);
    ended = [...ended, ...ending.map(({ tokens, score }) => ({ tokens, score: score / length ** lengthPenalty }))]
      .sort((one, other) => other.score - one.score)
      .slice(0, beams);
    const going = candidates.filter(({ hasEnded }) => !hasEnded).slice(0, beams);
    if (going.length === 0) break;
    const bestLength = earlyStopping === "never" && lengthPenalty > 0 ? maxNewTokens : length;
    const best = (going[0]?.score ?? 0) / bestLength ** lengthPenalty;
    mayImprove = ended.length < beams || (earlyStopping !== true && best > (ended.at(-1)?.score ?? 0));
    if (!mayImprove) break;
    running = going;
    decoding.choose(going.map(({ row }) => row));
    await decoding.append(going.map(({ tokens }) => tokens.slice(-1)));
  }
  return ended[0]?.tokens ?? running[0]?.tokens ?? [];
}

/** The best continuations of all beams, so many that enough of them go on. */
function bestCandidates(
  decoding: Decoding,
  running: readonly Beam[],
  prompt: readonly number[],
  { beams, endIds, repetitionPenalty = 1 }: BeamOptions,
  isLast: boolean,
): Candidate[] {
  const count = Math.max(2, 1 + endIds.size) * beams;
  const best: Candidate[] = [];
  for (const [row, { tokens, score }] of running.entries()) {
    const scores = logProbabilities(decoding.logits[row] ?? new Float32Array());
    penalizeRepetitions(scores, new Set([...prompt, ...tokens]), repetitionPenalty);
    for (let token = 0; token < scores.length; token++) {
      const sum = score + (scores[token] as number);
      if (best.length === count && sum <= (best.at(-1)?.score ?? 0)) continue;
      const place = best.findIndex((other) => other.score < sum);
      const candidate = { tokens: [...tokens, token], score: sum, row, hasEnded: isLast || endIds.has(token) };
      best.splice(place < 0 ? best.length : place, 0, candidate);
      if (best.length > count) best.pop();
    }
  }
  return best;
}

function logProbabilities(logits: Float32Array): Float32Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > most) most = logit;
  requireFinite(most);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  const shift = most + Math.log(sum);
  return logits.map((logit) => logit - shift);
}
