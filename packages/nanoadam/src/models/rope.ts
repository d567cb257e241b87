/**
 * Rotary positions (Su et al. 2021) as config.json describes them: `rope_theta` beside `rope_scaling`, or both in
 * `rope_parameters`. A pair of entries of a head turns by an angle of the position times the pair's frequency; the types of
 * scaling change the frequencies, so that texts may be longer than those of pretraining.
 */
import { z } from "zod";
import { parseConfig, type RawConfig, size } from "./config.js";

/** How positions turn heads of one size. */
export interface Rope {
  /** The angle of one position of each pair of entries, for texts of up to so many positions. */
  frequencies(length: number): Float32Array;
  /** Whether the frequencies are others for longer texts. */
  readonly dependsOnLength?: boolean;
  /** The factor on cosines and sines. */
  readonly scale: number;
}

const positive = z.number().positive();
/** Factors and lengths that a type needs are checked by its own schema; all may leave the base to what stands around. */
const common = {
  rope_theta: positive,
  partial_rotary_factor: z.literal(1).nullish(),
  /** Settings for layers of each kind, where all have the same. */
  full_attention: z.null().optional(),
  sliding_attention: z.null().optional(),
};
const defaultRope = z.object(common);
const factorRope = z.object({ ...common, factor: positive });
const llama3Rope = z.object({
  ...common,
  factor: positive,
  low_freq_factor: positive,
  high_freq_factor: positive,
  original_max_position_embeddings: size,
});
const yarnRope = z.object({
  ...common,
  factor: positive.nullish(),
  original_max_position_embeddings: size,
  attention_factor: positive.nullish(),
  beta_fast: positive.nullish(),
  beta_slow: positive.nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().default(true),
});

interface RopeSettings {
  readonly settings: RawConfig;
  /** The field of config.json that they stand in. */
  readonly field: string;
  readonly headSize: number;
  /** Positions of the model at most. */
  readonly maximumLength: number;
}

type DefineRope = (settings: RopeSettings) => Rope;

/** By `rope_type`. */
const ropeTypes = { default: plain, linear, dynamic, llama3, yarn } as const satisfies Record<string, DefineRope>;
type RopeType = keyof typeof ropeTypes;
const ropeType = z.object({ rope_type: z.enum(Object.keys(ropeTypes) as [RopeType, ...RopeType[]]) });

export interface RopeOptions {
  readonly headSize: number;
  readonly maximumLength: number;
  /** The base of the frequencies where the settings tell none. */
  readonly theta: number;
}

/**
 * Rotary positions from settings.
 * @param field where they stand in config.json
 * @throws InputError for a type that is not known, or a field that does not fit
 */
export function defineRope(told: RawConfig, field: string, { headSize, maximumLength, theta }: RopeOptions): Rope {
  const settings = {
    ...told,
    rope_type: told.rope_type ?? told.type ?? "default",
    rope_theta: told.rope_theta ?? theta,
    original_max_position_embeddings: told.original_max_position_embeddings ?? maximumLength,
  };
  const { rope_type } = parseConfig(ropeType, settings, field);
  return ropeTypes[rope_type]({ settings, field, headSize, maximumLength });
}

/** The fields of config.json that tell of rotary positions, in both spellings. */
export const ropeFields = {
  rope_theta: positive.nullish(),
  rope_scaling: z.record(z.string(), z.unknown()).nullish(),
  rope_parameters: z.record(z.string(), z.unknown()).nullish(),
  partial_rotary_factor: z.literal(1).nullish(),
  original_max_position_embeddings: size.nullish(),
};

/** The rotary positions of a model that has the same in all layers. */
export function ropeOf(
  config: z.output<z.ZodObject<typeof ropeFields>>,
  { theta, ...options }: Omit<RopeOptions, "theta"> & { readonly theta?: number },
): Rope {
  const { rope_scaling: scaling, rope_parameters: parameters, original_max_position_embeddings: original } = config;
  const told = isSettings(scaling) ? scaling : (parameters ?? {});
  const settings = original ? { ...told, original_max_position_embeddings: original } : told;
  return defineRope(settings, told === scaling ? "rope_scaling" : "rope_parameters", {
    ...options,
    theta: config.rope_theta ?? theta ?? 10_000,
  });
}

/** Whether settings say anything: as transformers has it, those that are empty count as none. */
function isSettings(settings: RawConfig | null | undefined): settings is RawConfig {
  return Object.keys(settings ?? {}).length > 0;
}

/** Frequencies that fall from 1 to nearly 1 / base. */
function frequenciesOf(base: number, headSize: number): Float32Array {
  return Float32Array.from({ length: headSize / 2 }, (_, pair) => base ** ((-2 * pair) / headSize));
}

function plain({ settings, field, headSize }: RopeSettings): Rope {
  const frequencies = frequenciesOf(parseConfig(defaultRope, settings, field).rope_theta, headSize);
  return { frequencies: () => frequencies, scale: 1 };
}

/** All positions are nearer to each other. */
function linear({ settings, field, headSize }: RopeSettings): Rope {
  const { rope_theta, factor } = parseConfig(factorRope, settings, field);
  const frequencies = frequenciesOf(rope_theta, headSize).map((frequency) => frequency / factor);
  return { frequencies: () => frequencies, scale: 1 };
}

/** The base grows with the text, where that is longer than those of pretraining. */
function dynamic({ settings, field, headSize, maximumLength }: RopeSettings): Rope {
  const { rope_theta, factor } = parseConfig(factorRope, settings, field);
  return {
    frequencies(length) {
      const stretch = (factor * Math.max(length, maximumLength)) / maximumLength - (factor - 1);
      return frequenciesOf(rope_theta * stretch ** (headSize / (headSize - 2)), headSize);
    },
    dependsOnLength: true,
    scale: 1,
  };
}

/** Llama 3.1: low frequencies are divided by the factor, high ones are left, and those between are mixed. */
function llama3({ settings, field, headSize }: RopeSettings): Rope {
  const parsed = parseConfig(llama3Rope, settings, field);
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: length } = parsed;
  const frequencies = frequenciesOf(parsed.rope_theta, headSize).map((frequency) => {
    const turns = (length * frequency) / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const kept = (turns - low) / (high - low);
    return (1 - kept) * (frequency / factor) + kept * frequency;
  });
  return { frequencies: () => frequencies, scale: 1 };
}

/** YaRN (Peng et al. 2023): as Llama 3.1 by the number of a pair instead of its frequency, and scores are scaled. */
function yarn({ settings, field, headSize, maximumLength }: RopeSettings): Rope {
  const parsed = parseConfig(yarnRope, settings, field);
  const { rope_theta: base, original_max_position_embeddings: length, mscale, mscale_all_dim: mscaleAll } = parsed;
  const factor = parsed.factor ?? maximumLength / length;
  const pairOfTurns = (turns: number) => (headSize * Math.log(length / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const [low, high] = [pairOfTurns(parsed.beta_fast ?? 32), pairOfTurns(parsed.beta_slow ?? 1)];
  const first = Math.max(parsed.truncate ? Math.floor(low) : low, 0);
  const last = Math.min(parsed.truncate ? Math.ceil(high) : high, headSize - 1);
  const width = first === last ? 0.001 : last - first;
  const frequencies = frequenciesOf(base, headSize).map((frequency, pair) => {
    const divided = Math.min(1, Math.max(0, (pair - first) / width));
    return divided * (frequency / factor) + (1 - divided) * frequency;
  });
  const growth = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const scale = mscale && mscaleAll ? growth(mscale) / growth(mscaleAll) : growth(1);
  return { frequencies: () => frequencies, scale: parsed.attention_factor ?? scale };
}
