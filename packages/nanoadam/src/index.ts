/** Fine-tune pretrained networks by updating only their small weights: the library behind the command line. */

import "./global-types.js";

export type { Analysis, GroupFigures, LayerFigures, ProbeRecord, TensorFigures } from "./analysis/analysis.js";
export type { ChangeRecord } from "./analysis/change.js";
export type { HistogramRecord, LogarithmicAxis } from "./analysis/joint-histogram.js";
export type { OverlapRecord } from "./analysis/overlap.js";
export type { Ratio, Relation } from "./analysis/relation.js";
export { openModelFolder } from "./checkpoint/adapter.js";
export { type Checkpoint, openCheckpoint } from "./checkpoint/checkpoint.js";
export { initialValues, loadPretrained, type Pretrained } from "./checkpoint/pretrained.js";
export { type WritableTensor, writeSafetensors } from "./checkpoint/write-safetensors.js";
export type { Comparison } from "./compare/comparison.js";
export { type ContinualControl, continual, type ReturnRecord } from "./continual/continual.js";
export type { BodyShift, LayerShift } from "./continual/measure.js";
export type { ContinualInput, ContinualTaskInput } from "./continual/options.js";
export type { ContinualReport, MatrixRow, TaskCurve, TaskReport, TaskTraining } from "./continual/report.js";
export type { Row } from "./data/source.js";
export type { ChatMessage } from "./data/text/chat-template.js";
export type { Texts } from "./data/text/encoder.js";
export { AbortError, DivergenceError, InputError } from "./errors.js";
export type { MemoryEstimate } from "./estimate/memory.js";
export type { WayOut } from "./estimate/ways-out.js";
export { defineModel, knownModelTypes } from "./models/architectures.js";
export { type LoraOptions, withLora } from "./models/lora.js";
export type { Backbone, Block, Head, HeadSpecification, Model, Stage, StageContext } from "./models/model.js";
export type { ParameterSpecification } from "./models/parameters.js";
export type { AnalyzeInput } from "./options/analyze-options.js";
export type { ApplyInput, DeltaInput } from "./options/delta-options.js";
export type { EstimateInput } from "./options/estimate-options.js";
export type { FinetuneInput } from "./options/finetune-options.js";
export type { GenerateInput, GenerateOptions, TextGeneratorOptions } from "./options/generation-options.js";
export type { InspectInput } from "./options/inspect-options.js";
export { loadPreset, presetNames } from "./options/option-files.js";
export type { PruneInput } from "./options/prune-options.js";
export type { PushInput } from "./options/push-options.js";
export type {
  EvaluateAnswersInput,
  EvaluateInput,
  ExportInput,
  PredictFileInput,
  PredictInput,
} from "./options/saved-model-options.js";
export type { FinetuneInputFor, UnnamedTask } from "./options/task-options.js";
export { type AnalysisReport, analyze } from "./recipes/analyze.js";
export type { GenerateControl } from "./recipes/answer-context.js";
export { applyDelta } from "./recipes/apply-delta.js";
export type { Conversation } from "./recipes/conversation.js";
export { type DeltaReport, writeDelta } from "./recipes/delta.js";
export { type Estimate, estimate, type MeasuredSteps } from "./recipes/estimate.js";
export { type EvaluationReport, evaluate } from "./recipes/evaluate.js";
export { type AnswerReport, type EvaluateAnswersControl, evaluateAnswers } from "./recipes/evaluate-answers.js";
export { exportModel } from "./recipes/export.js";
export { finetune } from "./recipes/finetune.js";
export { generate } from "./recipes/generate.js";
export { type InspectedTensor, type Inspection, inspect } from "./recipes/inspect.js";
export {
  type Classification,
  type LoadedModel,
  type LoadModelOptions,
  loadModel,
} from "./recipes/load-model.js";
export { loadTextGenerator, type TextGenerator } from "./recipes/load-text-generator.js";
export { type PredictControl, type Prediction, predict } from "./recipes/predict.js";
export { predictFile } from "./recipes/predict-file.js";
export { type PrunedTensor, type PruneReport, prune } from "./recipes/prune.js";
export { type PushReport, pushModel } from "./recipes/push.js";
export { type ResumeOptions, resumeFinetuning } from "./recipes/resume.js";
export type { RunControl } from "./recipes/run-control.js";
export type {
  CheckpointEvent,
  DoneEvent,
  EvaluationEvent,
  FinetuneRun,
  NoticeEvent,
  RunEvent,
  StartEvent,
  StepEvent,
  TrialEvent,
} from "./recipes/run-events.js";
export type { Retained, RunSummary } from "./recipes/summary.js";
export type { FinishReason, TextPiece } from "./recipes/text-pieces.js";
export type { ClassOutcome } from "./tasks/classes.js";
export type { Entity } from "./tasks/entities.js";
export type { MultiLabelOutcome } from "./tasks/multi-label.js";
export type { NumberOutcome } from "./tasks/regression.js";
export type { ClassScore, Confusion, Mistake, Review } from "./tasks/review.js";
export type { EntityOutcome } from "./tasks/token-classification.js";
export type { Best } from "./train/best-weights.js";
export type { ClassCount, DataReport } from "./train/data-report.js";
export type { Evaluation } from "./train/evaluation.js";
export type {
  CheckpointRecord,
  EvaluationFigures,
  EvaluationRecord,
  NoticeListener,
  RateTrial,
  RunPosition,
  RunStart,
  StepRecord,
  TrainingObserver,
} from "./train/observer.js";
