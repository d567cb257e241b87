/**
 * `adapter_config.json` as PEFT writes and reads it. Of its fields some are honoured, some say nothing about the result, and any
 * other must have the value that leaves LoRA as it is: what is not understood is refused by name.
 */
import { excerpt, InputError, shown } from "../errors.js";
import { isObject } from "../files/json-value.js";

export const adapterConfigFile = "adapter_config.json";

export interface AdapterSettings {
  readonly baseModel: string;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly useRslora?: boolean;
  readonly useDora?: boolean;
  readonly targets: readonly string[];
  /** Modules that are trained and stored whole beside the adapter. */
  readonly modulesToSave: readonly string[];
  readonly taskType: "SEQ_CLS" | "TOKEN_CLS" | "CAUSAL_LM" | undefined;
}

/** The content of `adapter_config.json`, with PEFT's names and its values for what LoRA's variants would change. */
export function adapterConfig(settings: AdapterSettings): Record<string, unknown> {
  const { baseModel, rank, alpha, dropout, targets, modulesToSave, taskType } = settings;
  const { useRslora = false, useDora = false } = settings;
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: alpha,
    lora_dropout: dropout,
    modules_to_save: modulesToSave.length === 0 ? null : modulesToSave,
    peft_type: "LORA",
    r: rank,
    rank_pattern: {},
    revision: null,
    target_modules: targets.includes("all-linear") ? "all-linear" : targets,
    task_type: taskType ?? null,
    use_dora: useDora,
    use_rslora: useRslora,
  };
}

/** What an adapter's configuration says of the model that it makes. */
export interface AdapterDescription {
  readonly baseModel: string;
  /** The end of the name of the class that the adapter was made on; undefined where that of the base's configuration holds. */
  readonly classEnding: string | undefined;
  /** Whether adapted layers have magnitudes. */
  readonly useDora: boolean;
  /**
   * The factor on the product of a layer's matrices.
   * @throws InputError for a rank that is not the configuration's.
   */
  scaleOf(layer: string, rank: number): number;
}

/** Fields that the adapter's tensors say better, and those that only training reads. */
const saysNothing: ReadonlySet<string> = new Set([
  "bias",
  "exclude_modules",
  "inference_mode",
  "layers_pattern",
  "layers_to_transform",
  "lora_bias",
  "lora_dropout",
  "megatron_core",
  "modules_to_save",
  "peft_version",
  "qalora_group_size",
  "revision",
  "target_modules",
]);

const honoured: ReadonlySet<string> = new Set([
  "alpha_pattern",
  "auto_mapping",
  "base_model_name_or_path",
  "init_lora_weights",
  "lora_alpha",
  "peft_type",
  "r",
  "rank_pattern",
  "task_type",
  "use_dora",
  "use_rslora",
]);

/** Ways to start A and B that leave the base's weights as they are; others move a part of them into the adapter. */
const plainStarts: readonly unknown[] = [undefined, null, true, false, "gaussian", "orthogonal", "eva"];

/**
 * @param path what messages call the file
 * @throws InputError for an adapter of another kind than LoRA, naming the field.
 */
export function describeAdapter(path: string, config: Readonly<Record<string, unknown>>): AdapterDescription {
  const refuse = (field: string, expected: string): never => {
    throw new InputError(`${path}: ${field} is ${shown(config[field])}, expected ${expected}`);
  };
  const { peft_type: type, r: rank, lora_alpha: alpha, base_model_name_or_path: baseModel } = config;
  if (type !== "LORA") return refuse("peft_type", '"LORA"');
  if (typeof rank !== "number" || !(rank >= 1)) return refuse("r", "a rank of at least 1");
  if (typeof alpha !== "number") return refuse("lora_alpha", "a number");
  if (typeof baseModel !== "string") return refuse("base_model_name_or_path", "a folder");
  if (!plainStarts.includes(config.init_lora_weights)) {
    return refuse("init_lora_weights", "true: such a start changes the base's weights, which is not supported");
  }
  for (const [field, value] of Object.entries(config)) {
    if (saysNothing.has(field) || honoured.has(field) || isNeutral(value)) continue;
    return refuse(field, `${neutralOf(value)}: such a LoRA is not supported`);
  }
  const rankOf = byPattern(path, "rank_pattern", config.rank_pattern, rank);
  const alphaOf = byPattern(path, "alpha_pattern", config.alpha_pattern, alpha);
  return {
    baseModel,
    classEnding: classEndingOf(config, refuse),
    useDora: config.use_dora === true,
    scaleOf(layer, found) {
      const expected = rankOf(layer);
      if (found !== expected) {
        throw new InputError(
          `${path}: the rank of ${layer} is ${expected} (r, rank_pattern), but its lora_A has ${found}`,
        );
      }
      return alphaOf(layer) / (config.use_rslora === true ? Math.sqrt(found) : found);
    },
  };
}

function isNeutral(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function neutralOf(value: unknown): string {
  if (typeof value === "boolean") return "false";
  return isObject(value) ? "none or no entries" : "none";
}

/** Patterns that repeat what repeats take time without end. */
const [longestPattern, mostRepeats] = [500, 4];

/**
 * What a pattern says of a layer: PEFT takes the first key that is the layer's name or an ending of it after a dot, as a
 * regular expression.
 */
function byPattern(path: string, field: string, pattern: unknown, otherwise: number): (layer: string) => number {
  if (pattern === null || pattern === undefined) return () => otherwise;
  if (!isObject(pattern)) throw new InputError(`${path}: ${field} is ${shown(pattern)}, expected an object`);
  const lines = Object.entries(pattern).map(([key, value]) => {
    if (typeof value !== "number" || !(value > 0)) {
      throw new InputError(`${path}: ${field} has ${shown(value)} for "${key}", expected a positive number`);
    }
    if (
      key.length > longestPattern ||
      /[)\]}*+?]\s*[*+{]|[*+}]\)?[*+{]/.test(key) ||
      (key.match(/[*+{]/g)?.length ?? 0) > mostRepeats
    ) {
      throw new InputError(
        `${path}: ${field} has the key "${excerpt(key)}", which is no plain pattern for names of layers`,
      );
    }
    try {
      return { expression: new RegExp(`^(?:.*\\.)?(?:${key})$`), value };
    } catch {
      throw new InputError(`${path}: ${field} has the key "${excerpt(key)}", expected a regular expression`);
    }
  });
  return (layer) => lines.find(({ expression }) => expression.test(layer))?.value ?? otherwise;
}

/** From PEFT's task type; where there is none, from the class that it noted instead. */
function classEndingOf(
  { task_type: taskType, auto_mapping: mapping }: Readonly<Record<string, unknown>>,
  refuse: (field: string, expected: string) => never,
): string | undefined {
  switch (taskType) {
    case "SEQ_CLS":
      return "ForSequenceClassification";
    case "CAUSAL_LM":
      return "ForCausalLM";
    case "TOKEN_CLS":
      return "ForTokenClassification";
    case null:
    case undefined: {
      const name = isObject(mapping) ? mapping.base_model_class : undefined;
      return typeof name === "string" ? (/For[A-Z]\w*$/.exec(name)?.[0] ?? undefined) : undefined;
    }
    case "FEATURE_EXTRACTION":
      return undefined;
    default:
      return refuse("task_type", '"SEQ_CLS", "TOKEN_CLS", "CAUSAL_LM", "FEATURE_EXTRACTION" or null');
  }
}
