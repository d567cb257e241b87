/** Fine-tune pretrained networks by updating only their small weights: the library behind the command line. */

export { openModelFolder } from "./checkpoint/adapter.js";
export { type Checkpoint, openCheckpoint } from "./checkpoint/checkpoint.js";
export { initialValues, loadPretrained, type Pretrained } from "./checkpoint/pretrained.js";
export { type WritableTensor, writeSafetensors } from "./checkpoint/write-safetensors.js";
export type { Comparison } from "./compare/comparison.js";
export { AbortError, DivergenceError, InputError } from "./errors.js";
export { defineModel, knownModelTypes } from "./models/architectures.js";
export { type LoraOptions, withLora } from "./models/lora.js";
export type { Head, Model, ParameterSpecification, Stage } from "./models/model.js";
export type { FinetuneInput } from "./options/finetune-options.js";
export { loadPreset, presetNames } from "./options/option-files.js";
export type { EvaluateInput, ExportInput, PredictInput } from "./options/saved-model-options.js";
export { exportModel } from "./recipes/export.js";
export { finetune } from "./recipes/finetune.js";
export {
  type EvaluationReport,
  evaluate,
  openFineTuned,
  type Prediction,
  predict,
  predictTexts,
} from "./recipes/open-model.js";
export type { RunSummary } from "./recipes/summary.js";
export type { Evaluation } from "./train/evaluation.js";
export type { EvaluationRecord, RunStart, RunWatcher, StepRecord } from "./train/observer.js";
