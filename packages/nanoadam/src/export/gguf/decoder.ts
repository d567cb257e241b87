/** A decoder as llama.cpp knows it: the names of its tensors, and the numbers that describe it. */
import { z } from "zod";
import { InputError } from "../../errors.js";
import { parseConfig, type RawConfig } from "../../models/config.js";
import { llamaFields, llamaOptions } from "../../models/llama.js";
import type { Model } from "../../models/model.js";
import { defineRope, ropeOf } from "../../models/rope.js";
import type { GgufValue } from "./file-format.js";

/** What llama.cpp calls the model types that can be exported. */
const architectures = { llama: "llama", mistral: "llama", qwen2: "qwen2", qwen3: "qwen3" } as const;
type ModelType = keyof typeof architectures;

const config = z.object({
  ...llamaFields,
  model_type: z.string(),
  sliding_window: z.number().nullish(),
  use_sliding_window: z.boolean().nullish(),
});

const outside: Readonly<Record<string, string>> = {
  "model.embed_tokens.weight": "token_embd.weight",
  "model.norm.weight": "output_norm.weight",
  "lm_head.weight": "output.weight",
};
const inLayer: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  post_attention_layernorm: "ffn_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

export interface GgufDecoder {
  readonly values: ReadonlyMap<string, GgufValue>;
  /** The file's name of each parameter, and of how many heads the rows are that rotation turns as neighbours there. */
  readonly tensors: ReadonlyMap<string, { readonly name: string; readonly turnedHeads?: number }>;
  /** What frequencies are divided by, where they are not those of the base: `rope_freqs.weight`. */
  readonly frequencyDivisors?: Float32Array;
}

/** @throws InputError for a model that llama.cpp has not, or has otherwise */
export function ggufDecoder(model: Model, raw: RawConfig, name: string): GgufDecoder {
  const { model_type: type } = parseConfig(z.object({ model_type: z.string() }), raw);
  if (!(type in architectures) || model.head.kind !== "language-model") {
    const known = Object.keys(architectures).join(", ");
    throw new InputError(
      `a ${model.architecture} cannot be exported to GGUF, only models that predict the next token of the types ${known}`,
    );
  }
  const architecture = architectures[type as ModelType];
  const told = parseConfig(config, withDefaults(type, raw));
  requireWholeAttention(type, told, raw);
  if (told.hidden_act !== "silu" && told.hidden_act !== "swish") {
    throw new InputError(`config.json: hidden_act ${told.hidden_act} cannot be exported to GGUF, expected silu`);
  }
  const options = llamaOptions(told);
  const rope = ropeValues(told, options, architecture);
  const heads = { q: options.heads, k: options.keyHeads };
  const of = (key: string, value: GgufValue) => [`${architecture}.${key}`, value] as const;
  return {
    values: new Map<string, GgufValue>([
      ["general.architecture", { string: architecture }],
      ["general.name", { string: name }],
      of("vocab_size", { uint32: options.vocabulary }),
      of("context_length", { uint32: options.maximumLength }),
      of("embedding_length", { uint32: options.hidden }),
      of("block_count", { uint32: told.num_hidden_layers }),
      of("feed_forward_length", { uint32: options.intermediate }),
      of("attention.head_count", { uint32: options.heads }),
      of("attention.head_count_kv", { uint32: options.keyHeads }),
      of("attention.key_length", { uint32: options.headSize }),
      of("attention.value_length", { uint32: options.headSize }),
      of("attention.layer_norm_rms_epsilon", { float32: options.epsilon }),
      of("rope.dimension_count", { uint32: options.headSize }),
      ...rope.values.map(([key, value]) => of(key, value)),
    ]),
    tensors: new Map(
      model.parameters.map((parameter) => [parameter.name, tensorOf(parameter.name, architecture, heads)]),
    ),
    ...(rope.divisors === undefined ? {} : { frequencyDivisors: rope.divisors }),
  };
}

/** What the model files take for fields that config.json leaves out. */
function withDefaults(type: string, raw: RawConfig): RawConfig {
  const positions = { mistral: 131_072, qwen2: 32_768, qwen3: 32_768 }[type];
  const keyHeads = { mistral: 8, qwen2: 32, qwen3: 32 }[type];
  return {
    ...(positions === undefined ? {} : { max_position_embeddings: positions }),
    ...(keyHeads === undefined ? {} : { num_key_value_heads: keyHeads }),
    ...(type === "qwen3" ? { head_dim: 128 } : {}),
    ...raw,
  };
}

function requireWholeAttention(type: string, told: z.output<typeof config>, raw: RawConfig): void {
  const window = type === "mistral" && !("sliding_window" in raw) ? 4096 : told.sliding_window;
  const isUsed = type === "mistral" ? window !== null && window !== undefined : told.use_sliding_window === true;
  if (!isUsed) return;
  throw new InputError(
    `config.json: a sliding window of ${String(window)} tokens cannot be exported to GGUF, where a ${type} attends to all`,
  );
}

function tensorOf(parameter: string, architecture: string, heads: { readonly q: number; readonly k: number }) {
  const known = outside[parameter];
  if (known !== undefined) return { name: known };
  const [, layer = "", part = "", kind = ""] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(parameter) ?? [];
  const name = inLayer[part];
  if (name === undefined) throw new InputError(`${parameter} cannot be exported to GGUF, which has no such tensor`);
  const [, turned] = /^self_attn\.([qk])_proj$/.exec(part) ?? [];
  return {
    name: `blk.${layer}.${name}.${kind}`,
    ...(architecture === "llama" && turned !== undefined ? { turnedHeads: heads[turned === "q" ? "q" : "k"] } : {}),
  };
}

function ropeValues(
  told: z.output<typeof config>,
  options: { readonly headSize: number; readonly maximumLength: number },
  architecture: string,
) {
  const { rope_scaling: scaling, rope_parameters: parameters } = told;
  // Empty settings count as none; see `ropeOf`.
  const settings = Object.keys(scaling ?? {}).length > 0 ? { ...scaling } : { ...parameters };
  const type = settings.rope_type ?? settings.type ?? "default";
  const theta = Number(settings.rope_theta ?? told.rope_theta ?? 10_000);
  const values: (readonly [string, GgufValue])[] = [["rope.freq_base", { float32: theta }]];
  const rope = ropeOf(told, options);
  if (type === "default") return { values };
  if (type === "linear") {
    values.push(
      ["rope.scaling.type", { string: "linear" }],
      ["rope.scaling.factor", { float32: Number(settings.factor) }],
    );
    return { values };
  }
  if (type !== "llama3" || architecture !== "llama") {
    throw new InputError(
      `config.json: rotary positions of type ${String(type)} of a ${told.model_type} cannot be exported to GGUF`,
    );
  }
  const own = rope.frequencies(0);
  const plain = defineRope({}, "rope_parameters", { ...options, theta }).frequencies(0);
  return { values, divisors: plain.map((frequency, pair) => frequency / (own[pair] ?? 1)) };
}
