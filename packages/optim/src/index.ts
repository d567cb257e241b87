/** NanoAdam, AdamW, and the schedules of density and learning rate, on plain typed arrays. */

export { type AdamWOptions, createAdamW } from "./adamw.js";
export { type AdamW8bitOptions, createAdamW8bit } from "./adamw8bit/adamw8bit.js";
export { bfloat16OfBits } from "./bfloat16.js";
export { withFrozen } from "./freeze.js";
export { createGaLore, type GaLoreOptions } from "./galore/galore.js";
export { withZerosKept } from "./keep-zeros.js";
export { createMicroAdam, type MicroAdamOptions, type RingValueType } from "./microadam/microadam.js";
export { type Criterion, criteria } from "./nanoadam/criterion.js";
export { type DensitySchedule, densityAt, type RefreshSchedule, refreshIsDue } from "./nanoadam/density.js";
export { type StateType, stateTypes } from "./nanoadam/moments.js";
export { createNanoAdam, type NanoAdamOptions } from "./nanoadam/nanoadam.js";
export { type BiasCorrection, biasCorrections, type StateOnRefresh, statesOnRefresh } from "./nanoadam/rule.js";
export { composeOptimizer, type RuledParameter, takeStep } from "./optimizer.js";
export {
  type LearningRateSchedule,
  type LearningRateScheduleName,
  learningRateAt,
  learningRateSchedules,
  warmupSteps,
} from "./schedule.js";
export { addEntries, arrayLike, gatherEntries, scatterEntries } from "./selection/gather.js";
export { type SelectionOptions, selectionIndices, selectSmallest } from "./selection/select.js";
export { createSgd, type SgdOptions } from "./sgd.js";
export type {
  GradientNeed,
  Optimizer,
  OptimizerState,
  Parameter,
  Selection,
  StateArray,
  TensorRule,
  WeightArray,
} from "./types.js";
