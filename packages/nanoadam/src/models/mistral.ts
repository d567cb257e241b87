/** Mistral (Jiang et al. 2023): a Llama whose layers may attend to the near tokens alone. */
import { z } from "zod";
import { parseConfig, type RawConfig, size } from "./config.js";
import { decoder } from "./decoder.js";
import { classNames, llamaFields, llamaOptions } from "./llama.js";
import type { Backbone } from "./model.js";
import { ropeOf } from "./rope.js";

const mistralConfig = z.object({
  ...llamaFields,
  num_key_value_heads: size.nullable().default(8),
  max_position_embeddings: size.default(131_072),
  sliding_window: size.nullable().default(4096),
});

export function mistral(rawConfig: RawConfig): Backbone {
  const config = parseConfig(mistralConfig, rawConfig);
  const common = llamaOptions(config);
  const kind = config.sliding_window === null ? "full_attention" : "sliding_attention";
  return decoder({
    ...common,
    classNames: classNames("Mistral"),
    biases: { queryKeyValue: false, output: false, feedForward: false },
    layers: new Array(config.num_hidden_layers).fill(kind),
    attention: { [kind]: { rope: ropeOf(config, common), window: config.sliding_window ?? undefined } },
  });
}
