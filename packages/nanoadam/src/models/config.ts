import { z } from "zod";
import { InputError } from "../errors.js";
import { activationNames } from "./layers.js";

const size = z.number().int().positive();
const rate = z.number().min(0).lt(1);

const encoderConfig = z.object({
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  intermediate_size: size,
  vocab_size: size,
  max_position_embeddings: size,
  type_vocab_size: size.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_act: z.enum(activationNames).default("gelu"),
  hidden_dropout_prob: rate.default(0.1),
  attention_probs_dropout_prob: rate.default(0.1),
  classifier_dropout: rate.nullish(),
  initializer_range: z.number().positive().default(0.02),
  pad_token_id: z.number().int().min(0).nullish(),
  /** Relative positions would need other layers. */
  position_embedding_type: z.literal("absolute").nullish(),
});

const distilbertConfig = z.object({
  dim: size,
  n_layers: size,
  n_heads: size,
  hidden_dim: size,
  vocab_size: size,
  max_position_embeddings: size,
  activation: z.enum(activationNames).default("gelu"),
  dropout: rate.default(0.1),
  attention_dropout: rate.default(0.1),
  seq_classif_dropout: rate.default(0.2),
  initializer_range: z.number().positive().default(0.02),
  sinusoidal_pos_embds: z.boolean().default(false),
});

/** The fields of a BERT-like `config.json` that decide what is computed. */
export type EncoderConfig = z.output<typeof encoderConfig>;

/** The fields of a DistilBERT `config.json` that decide what is computed. */
export type DistilbertConfig = z.output<typeof distilbertConfig>;

/** @throws InputError naming the field, what was found and what was expected. */
export function parseEncoderConfig(config: Readonly<Record<string, unknown>>): EncoderConfig {
  const parsed = parse(encoderConfig, config);
  requireDivision("hidden_size", parsed.hidden_size, "num_attention_heads", parsed.num_attention_heads);
  return parsed;
}

/** @throws InputError naming the field, what was found and what was expected. */
export function parseDistilbertConfig(config: Readonly<Record<string, unknown>>): DistilbertConfig {
  const parsed = parse(distilbertConfig, config);
  requireDivision("dim", parsed.dim, "n_heads", parsed.n_heads);
  return parsed;
}

function parse<T>(schema: z.ZodType<T>, config: Readonly<Record<string, unknown>>): T {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join(".") ?? "";
  if (config[field] === undefined) throw new InputError(`config.json: ${field} is missing`);
  throw new InputError(`config.json: ${field} is ${JSON.stringify(config[field])}: ${issue?.message ?? "not valid"}`);
}

function requireDivision(field: string, value: number, divisorField: string, divisor: number): void {
  if (value % divisor !== 0) {
    throw new InputError(`config.json: ${field} ${value} is not a multiple of ${divisorField} ${divisor}`);
  }
}
