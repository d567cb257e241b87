import { type RandomKey, type TensorData, uniform } from "@nanoadam/engine";
import type { EncodedText } from "../data/text/load.js";
import type { TokenBatch } from "../models/model.js";
import { maskedPlaces, maskedShare, type Targets } from "./objective.js";

/** The place of masking among all that draws random numbers. */
const maskingSite = 2_000_000;

export interface MaskingOptions {
  readonly maskId: number;
  readonly vocabularySize: number;
  readonly key: Omit<RandomKey, "site">;
}

export interface MaskedTokens {
  readonly inputIds: Int32Array;
  readonly targets: Targets;
  /** How many tokens are to be predicted. */
  readonly count: number;
}

/**
 * Chooses 15 % of a batch's ordinary tokens to be predicted (Devlin et al. 2018): four in five of them are replaced by
 * the mask token, one in ten by a random token, one in ten is left. `texts` are the batch's rows before padding.
 */
export function maskTokens(batch: TokenBatch, texts: readonly EncodedText[], options: MaskingOptions): MaskedTokens {
  const { maskId, vocabularySize, key } = options;
  const draw = (counter: number, use: number) => uniform({ ...key, site: maskingSite + use }, counter);
  const ordinary: number[] = [];
  texts.forEach(({ specialMask }, row) => {
    specialMask.forEach((special, token) => {
      if (special === 0) ordinary.push(row * batch.length + token);
    });
  });
  const places = maskedPlaces(batch);
  const count = Math.min(places, ordinary.length, Math.max(1, Math.round(maskedShare * ordinary.length)));
  const inputIds = batch.inputIds.slice();
  const positions = new Int32Array(places);
  const labels = new Int32Array(places);
  const weights = new Float32Array(places);
  for (let place = 0; place < count; place++) {
    const other = place + Math.floor(draw(place, 0) * (ordinary.length - place));
    const position = ordinary[other] as number;
    ordinary[other] = ordinary[place] as number;
    positions[place] = position;
    labels[place] = batch.inputIds[position] as number;
    weights[place] = 1 / count;
    const kind = draw(place, 1);
    if (kind < 0.8) inputIds[position] = maskId;
    else if (kind < 0.9) inputIds[position] = Math.floor(draw(place, 2) * vocabularySize);
  }
  return {
    inputIds,
    count,
    targets: new Map<string, TensorData>([
      ["masked_positions", positions],
      ["masked_labels", labels],
      ["masked_weights", weights],
    ]),
  };
}
