import { uniform } from "@nanoadam/engine";
import type { EncodedText } from "../data/text/tokenizer.js";
import { randomSites, type StepKey } from "../random-streams.js";

/** Fraction of a text's ordinary tokens that masked-LM training masks and predicts. */
export const maskedFraction = 0.15;

/** How many tokens at most are masked in a text of so many, special ones included. */
export function mostMasked(length: number): number {
  return Math.max(1, Math.ceil(maskedFraction * length));
}

export interface MaskingOptions {
  readonly maskId: number;
  readonly vocabularySize: number;
  readonly key: StepKey;
  /** The text's index in its data set, so that no two texts share their draws. */
  readonly index: number;
}

export interface MaskedText {
  readonly ids: Int32Array;
  /** Positions in the text of the tokens to predict, and what they were. */
  readonly targets: readonly { readonly position: number; readonly label: number }[];
}

/**
 * Chooses 15 % of a text's ordinary tokens to be predicted, at least one where there are any (Devlin et al. 2018): four in
 * five of them are replaced by the mask token, one in ten by a random token, one in ten is left. The choice follows from
 * the key and the text's index alone, so it does not depend on the batch that the text is in.
 */
export function maskTokens({ ids, specialMask }: EncodedText, options: MaskingOptions): MaskedText {
  const { maskId, vocabularySize, key, index } = options;
  // Draws of a text are counted from its index on; the stride is a prime above any text's length.
  const draw = (use: 0 | 1 | 2, place: number) =>
    uniform({ ...key, site: randomSites.masking(use) }, Math.imul(index, 1_000_003) + place);
  const ordinary: number[] = [];
  specialMask.forEach((special, position) => {
    if (special === 0) ordinary.push(position);
  });
  const count = Math.min(ordinary.length, Math.max(1, Math.round(maskedFraction * ordinary.length)));
  const masked = ids.slice();
  const targets: { position: number; label: number }[] = [];
  for (let place = 0; place < count; place++) {
    const other = place + Math.floor(draw(0, place) * (ordinary.length - place));
    const position = ordinary[other] as number;
    ordinary[other] = ordinary[place] as number;
    targets.push({ position, label: ids[position] as number });
    const fate = draw(1, place);
    if (fate < 0.8) masked[position] = maskId;
    else if (fate < 0.9) masked[position] = Math.floor(draw(2, place) * vocabularySize);
  }
  return { ids: masked, targets };
}
