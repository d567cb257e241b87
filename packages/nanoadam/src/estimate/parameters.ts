import { findSources, isHeldInBfloat16 } from "../checkpoint/pretrained.js";
import type { CheckpointEntry } from "../checkpoint/weight-files.js";
import type { Model } from "../models/model.js";
import type { AdapterOptions } from "../options/adapter-options.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import type { ModelOptions } from "../options/model-options.js";
import type { OptimizerOptions } from "../options/optimizer-options.js";
import { trainedParameters } from "../train/optimizer.js";
import { storageOfRun } from "../train/prepare.js";
import type { EstimatedParameter } from "./optimizer-memory.js";

/** What a model is made of, with weights or by its configuration alone. */
export interface ModelSource {
  readonly folder: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The tensors that there are; undefined where there is a configuration only. */
  readonly entries: ReadonlyMap<string, CheckpointEntry> | undefined;
}

/** The options that say how parameters are held, and which are trained. */
export interface HoldingOptions {
  readonly model: ModelOptions;
  readonly optimizer: OptimizerOptions;
  readonly adapter: AdapterOptions;
  readonly output: Pick<FinetuneOptions["output"], "saveDtype">;
}

/**
 * The parameters of a model as a run would hold and train them. A configuration without weights is taken for a checkpoint that has
 * all but the head of the task, in the type that it says.
 * @throws InputError where the weights are not those of the model.
 */
export function estimatedParameters(
  model: Model,
  { folder, config, entries }: ModelSource,
  options: HoldingOptions,
): EstimatedParameter[] {
  const isRead = options.model.fromScratch !== true;
  const found = entries === undefined || !isRead ? undefined : findSources({ folder, entries }, model).sources;
  const isFresh = ({ name, role }: Model["parameters"][number]) => {
    if (role === "adapter") return false;
    if (!isRead) return true;
    return found === undefined ? role === "head" && model.head.kind === "outputs" : !found.has(name);
  };
  const initialised = model.parameters.filter(isFresh).map(({ name }) => name);
  const fresh = new Set(initialised);
  const trained = new Set(trainedParameters({ model, initialised }).map(({ name }) => name));
  const hold = storageOfRun(options);
  const isSaidNarrow = String(config.dtype ?? config.torch_dtype) === "bfloat16";
  return model.parameters.map((parameter): EstimatedParameter => {
    const { name, role } = parameter;
    const entry = entries?.get(found?.get(name)?.name ?? "");
    const isNarrow =
      entries === undefined
        ? (role === "weight" || role === "embedding") && (hold === "bfloat16" || (hold === "keep" && isSaidNarrow))
        : isHeldInBfloat16(parameter, entry, hold);
    return {
      ...parameter,
      isFresh: fresh.has(name),
      isTrained: trained.has(name),
      isInBfloat16: isNarrow && !fresh.has(name),
    };
  });
}
