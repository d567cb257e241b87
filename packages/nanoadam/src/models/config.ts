/** What architectures share in reading their config.json: fields, and messages that name the one that does not fit. */
import { z } from "zod";
import { InputError, shown } from "../errors.js";
import { activationNames } from "./layers.js";

/** The contents of a config.json. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** A number of rows, columns, heads or layers. */
export const size = z
  .number()
  .int()
  .positive()
  .max(2 ** 31 - 1);
/** Of layers: a model lists the parameters of each before any weight is looked for. */
export const depth = z.number().int().positive().max(1024);
/** A dropout rate. */
export const rate = z.number().min(0).lt(1);
/** `hidden_act` and its like, where it has to be told. */
export const activationName = z.enum(activationNames);
/** The same, of encoders. */
export const activation = activationName.default("gelu");
/** The standard deviation of initial weights. */
export const deviation = z.number().positive().default(0.02);

/** The fields that BERT and its descendants share. */
export const encoderConfig = z.object({
  hidden_size: size,
  num_hidden_layers: depth,
  num_attention_heads: size,
  intermediate_size: size,
  vocab_size: size,
  max_position_embeddings: size,
  type_vocab_size: size.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_act: activation,
  hidden_dropout_prob: rate.default(0.1),
  attention_probs_dropout_prob: rate.default(0.1),
  classifier_dropout: rate.nullish(),
  initializer_range: deviation,
  pad_token_id: z.number().int().min(0).nullish(),
  tie_word_embeddings: z.boolean().default(true),
  /** Relative positions would need other layers. */
  position_embedding_type: z.literal("absolute").nullish(),
  /** A decoder attends to the left only, and perhaps to another network's output. */
  is_decoder: z.literal(false).nullish(),
  add_cross_attention: z.literal(false).nullish(),
});

/** The fields of a BERT-like `config.json` that decide what is computed. */
export type EncoderConfig = z.output<typeof encoderConfig>;

/**
 * The fields of a schema that extends BERT's.
 * @throws InputError naming the field, what was found and what was expected.
 */
export function parseEncoderConfig<Schema extends z.ZodType<EncoderConfig>>(
  schema: Schema,
  config: RawConfig,
): z.output<Schema> {
  const parsed = parseConfig(schema, config);
  requireDivision("hidden_size", parsed.hidden_size, "num_attention_heads", parsed.num_attention_heads);
  return parsed;
}

/**
 * @param section the field of the file that the configuration is, "" for the whole
 * @param file what messages call the file
 * @throws InputError naming the field, what was found and what was expected.
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  config: RawConfig,
  section = "",
  file = "config.json",
): z.output<Schema> {
  const result = schema.safeParse(config);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  let [field, found]: [string, unknown] = [section, config];
  for (const key of issue?.path ?? []) {
    // What is wrong within a list of words is told by the words.
    if (typeof found !== "object" || found === null || Array.isArray(found)) break;
    field = field === "" ? String(key) : `${field}.${String(key)}`;
    found = (found as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  if (found === undefined) throw new InputError(`${file}: ${field} is missing`);
  throw new InputError(`${file}: ${field} is ${shown(found)}: ${issue?.message ?? "not valid"}`);
}

/** @throws InputError where the value is not a multiple of the divisor. */
export function requireDivision(field: string, value: number, divisorField: string, divisor: number): void {
  if (value % divisor !== 0) {
    throw new InputError(`config.json: ${field} ${value} is not a multiple of ${divisorField} ${divisor}`);
  }
}
