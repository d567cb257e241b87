import { InputError } from "../errors.js";
import { bert } from "./bert.js";
import { distilbert } from "./distilbert.js";
import type { Head, Model } from "./model.js";
import { roberta } from "./roberta.js";

/** Model definitions by `model_type` of config.json. */
const architectures: Readonly<Record<string, (config: Readonly<Record<string, unknown>>, head: Head) => Model>> = {
  bert,
  roberta,
  distilbert,
};

/** The `model_type`s that can be fine-tuned. */
export const knownModelTypes = Object.keys(architectures);

/**
 * The model that a config.json describes, with a head of the given kind.
 * @throws InputError for an unknown `model_type`, listing the known ones, or a field that does not fit.
 */
export function defineModel(config: Readonly<Record<string, unknown>>, head: Head): Model {
  const modelType = config.model_type;
  const define =
    typeof modelType === "string" && Object.hasOwn(architectures, modelType) ? architectures[modelType] : undefined;
  if (define === undefined) {
    throw new InputError(
      `config.json: model_type is ${JSON.stringify(modelType) ?? "missing"}, expected one of ${knownModelTypes.join(", ")}`,
    );
  }
  return define(config, head);
}
