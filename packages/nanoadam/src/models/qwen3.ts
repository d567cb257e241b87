/** Qwen3 (Yang et al. 2025): a Qwen2 that normalises each head's queries and keys, and has biases only if told. */
import { z } from "zod";
import { parseConfig, type RawConfig, size } from "./config.js";
import { decoder } from "./decoder.js";
import { classNames } from "./llama.js";
import type { Backbone } from "./model.js";
import { qwenFields, qwenOptions } from "./qwen2.js";

const qwen3Config = z.object({
  ...qwenFields,
  head_dim: size.nullable().default(128),
  attention_bias: z.boolean().default(false),
});

export function qwen3(rawConfig: RawConfig): Backbone {
  const config = parseConfig(qwen3Config, rawConfig);
  return decoder({
    ...qwenOptions(config),
    classNames: classNames("Qwen3"),
    biases: { queryKeyValue: config.attention_bias, output: config.attention_bias, feedForward: false },
    normalisesHeads: true,
  });
}
