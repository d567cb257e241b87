/** Adapter folders as PEFT writes them: its configuration with all of its fields, its tensors, and no other file. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RawTensor, rawTensor, writeTensors } from "./tensors.js";

/** The fields of PEFT 0.21 for plain LoRA. */
const defaults = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: null,
  bias: "none",
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  kasa_config: null,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 3,
  lora_bias: false,
  lora_dropout: 0,
  megatron_config: null,
  megatron_core: "megatron.core",
  modules_to_save: null,
  peft_type: "LORA",
  peft_version: "0.21.0",
  qalora_group_size: 16,
  r: 2,
  rank_pattern: {},
  revision: null,
  target_modules: ["query"],
  target_parameters: null,
  task_type: null,
  trainable_token_indices: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
};

export interface TinyAdapter {
  /** Shapes by name, without `base_model.model.`; numbers are drawn from the name. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  /** Replaces fields of adapter_config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The names of the tensors as they are. */
  readonly rawNames?: boolean;
}

/** Writes an adapter of the base model into a folder, and gives the numbers of its tensors by their names. */
export async function writeTinyAdapter(
  folder: string,
  base: string,
  { tensors, config, rawNames = false }: TinyAdapter,
): Promise<ReadonlyMap<string, Float32Array>> {
  await mkdir(folder, { recursive: true });
  const values = new Map<string, Float32Array>();
  const raw = new Map<string, RawTensor>();
  for (const [name, shape] of Object.entries(tensors)) {
    const size = shape.reduce((product, side) => product * side, 1);
    const own = Float32Array.from({ length: size }, (_, i) => 0.3 * Math.sin((name.length % 7) + 0.7 * (i + 1)));
    values.set(name, own);
    raw.set(rawNames ? name : `base_model.model.${name}`, rawTensor(shape, own));
  }
  await writeTensors(join(folder, "adapter_model.safetensors"), raw);
  const json = { ...defaults, base_model_name_or_path: base, ...config };
  await writeFile(join(folder, "adapter_config.json"), JSON.stringify(json));
  return values;
}
