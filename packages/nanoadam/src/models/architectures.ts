import { InputError, shown } from "../errors.js";
import { bert } from "./bert.js";
import { cifarResnet } from "./cifar-resnet.js";
import type { RawConfig } from "./config.js";
import { convnext } from "./convnext.js";
import { debertaV2 } from "./deberta-v2.js";
import { distilbert } from "./distilbert.js";
import { electra } from "./electra.js";
import { gemma3 } from "./gemma3.js";
import { llama } from "./llama.js";
import { mistral } from "./mistral.js";
import { assembleModel, type Backbone, type HeadSpecification, type Model } from "./model.js";
import { modernbert } from "./modernbert.js";
import { opt } from "./opt.js";
import { qwen2 } from "./qwen2.js";
import { qwen3 } from "./qwen3.js";
import { resnet } from "./resnet.js";
import { camembert, roberta, xlmRoberta } from "./roberta.js";
import { deit, vit } from "./vit.js";

/** Backbones by `model_type` of config.json. */
const architectures: Readonly<Record<string, (config: RawConfig) => Backbone>> = {
  bert,
  roberta,
  "xlm-roberta": xlmRoberta,
  camembert,
  distilbert,
  electra,
  modernbert,
  "deberta-v2": debertaV2,
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma3_text: gemma3,
  opt,
  vit,
  deit,
  resnet,
  cifar_resnet: cifarResnet,
  convnext,
};

/** The `model_type`s that can be fine-tuned. */
export const knownModelTypes = Object.keys(architectures);

/**
 * The backbone that a config.json describes.
 * @throws InputError for an unknown `model_type`, listing the known ones, or a field that does not fit.
 */
export function defineBackbone(config: RawConfig): Backbone {
  const modelType = config.model_type;
  const define =
    typeof modelType === "string" && Object.hasOwn(architectures, modelType) ? architectures[modelType] : undefined;
  if (define === undefined) {
    throw new InputError(
      `config.json: model_type is ${shown(modelType)}, expected one of ${knownModelTypes.join(", ")}`,
    );
  }
  return define(config);
}

/**
 * The model that a config.json describes, with a head of the given kind.
 * @throws InputError as `defineBackbone` does, and for a head that the architecture does not have.
 */
export function defineModel(config: RawConfig, head: HeadSpecification): Model {
  return assembleModel(defineBackbone(config), head);
}

/** The width of a model that a configuration describes, whatever its architecture calls it; of several the last. */
export function hiddenSizeOf(config: RawConfig): number {
  const { hidden_size: hiddenSize, dim, hidden_sizes: sizes } = config;
  const told: unknown = hiddenSize ?? dim ?? (Array.isArray(sizes) ? sizes.at(-1) : undefined);
  if (typeof told === "number") return told;
  // Where the width is the architecture's usual one, the head knows it.
  const { stages } = defineModel(config, { kind: "outputs", per: "example", outputs: 1 });
  const judged = Object.values(stages.at(-1)?.parameters ?? {}).find(({ shape }) => shape.length === 2);
  if (judged?.shape[1] === undefined) throw new Error("the configuration has no width");
  return judged.shape[1];
}
