/** Fine-tune pretrained networks by updating only their small weights: the library behind the command line. */
export type { Comparison } from "./compare/comparison.js";
export { InputError } from "./errors.js";
export { openModelFolder } from "./hub/adapter.js";
export { type Checkpoint, openCheckpoint } from "./hub/checkpoint.js";
export { initialValues, loadPretrained, type Pretrained } from "./hub/pretrained.js";
export { type WritableTensor, writeSafetensors } from "./hub/write-safetensors.js";
export { defineModel, knownModelTypes } from "./models/architectures.js";
export { type LoraOptions, withLora } from "./models/lora.js";
export type { Head, Model, ParameterSpecification, Stage } from "./models/model.js";
export {
  type EvaluationReport,
  evaluate,
  openFineTuned,
  type Prediction,
  predict,
  predictTexts,
} from "./train/apply.js";
export type { Evaluation } from "./train/evaluate.js";
export { exportModel } from "./train/export.js";
export { finetune } from "./train/finetune.js";
export { loadPreset, presetNames } from "./train/option-files.js";
export type { EvaluateInput, ExportInput, FinetuneInput, PredictInput } from "./train/options.js";
export type { EvaluationRecord, RunStart, RunWatcher, StepRecord } from "./train/records.js";
export { DivergenceError } from "./train/step.js";
export type { RunSummary } from "./train/summary.js";
