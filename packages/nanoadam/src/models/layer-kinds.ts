/** Models in which some layers attend to the whole text and the others to the tokens near by. */
import { InputError } from "../errors.js";

export const attentionKinds = ["full_attention", "sliding_attention"] as const;
export type AttentionKind = (typeof attentionKinds)[number];

/**
 * The kind of each layer: as config.json tells, or by the layer's number.
 * @throws InputError where it tells of more layers than there are, or of fewer
 */
export function layerKinds(
  config: { readonly layer_types?: readonly AttentionKind[] | null | undefined; readonly num_hidden_layers: number },
  usual: (layer: number) => AttentionKind,
): readonly AttentionKind[] {
  const { layer_types: told, num_hidden_layers: layers } = config;
  if (!told) return Array.from({ length: layers }, (_, layer) => usual(layer));
  if (told.length === layers) return told;
  throw new InputError(`config.json: layer_types has ${told.length} entries, expected num_hidden_layers ${layers}`);
}
