/** Qwen2 (Yang et al. 2024): a Llama with biases on queries, keys and values, whose later layers may have a window. */
import { z } from "zod";
import { InputError } from "../errors.js";
import { parseConfig, type RawConfig, size } from "./config.js";
import { decoder } from "./decoder.js";
import { attentionKinds, layerKinds } from "./layer-kinds.js";
import { classNames, llamaFields, llamaOptions } from "./llama.js";
import type { Backbone } from "./model.js";
import { ropeOf } from "./rope.js";

/** The fields that Qwen2 and Qwen3 share. */
export const qwenFields = {
  ...llamaFields,
  num_key_value_heads: size.nullable().default(32),
  max_position_embeddings: size.default(32_768),
  use_sliding_window: z.boolean().default(false),
  sliding_window: size.nullable().default(4096),
  max_window_layers: z.number().int().min(0).default(28),
  layer_types: z.array(z.enum(attentionKinds)).nullish(),
};

export function qwen2(rawConfig: RawConfig): Backbone {
  const config = parseConfig(z.object(qwenFields), rawConfig);
  return decoder({
    ...qwenOptions(config),
    classNames: classNames("Qwen2"),
    biases: { queryKeyValue: true, output: false, feedForward: false },
  });
}

/** The numbers of a Qwen2 or Qwen3. */
export function qwenOptions(config: z.output<z.ZodObject<typeof qwenFields>>) {
  const common = llamaOptions(config);
  const window = config.use_sliding_window ? config.sliding_window : null;
  const layers = layerKinds(config, (layer) =>
    window !== null && layer >= config.max_window_layers ? "sliding_attention" : "full_attention",
  );
  if (window === null && layers.includes("sliding_attention")) {
    throw new InputError("config.json: layer_types has sliding_attention, but use_sliding_window is not true");
  }
  const rope = ropeOf(config, common);
  const attention = Object.fromEntries(
    layers.map((kind) => [kind, { rope, window: kind === "sliding_attention" ? (window ?? undefined) : undefined }]),
  );
  return { ...common, layers, attention };
}
