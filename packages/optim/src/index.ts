/** NanoAdam, AdamW, and the schedules of density and learning rate, on plain typed arrays. */

export { type AdamWOptions, createAdamW } from "./adamw.js";
export { type AdamW8bitOptions, createAdamW8bit } from "./adamw8bit/adamw8bit.js";
export { bfloat16OfBits } from "./bfloat16.js";
export { withFrozen } from "./freeze.js";
export { createGaLore, type GaLoreOptions } from "./galore/galore.js";
export { withZerosKept } from "./keep-zeros.js";
export { createMicroAdam, type MicroAdamOptions, type RingValueType } from "./microadam/microadam.js";
export {
  type AdamOptions,
  adam,
  type BiasCorrection,
  biasCorrections,
  type EnteringMoment,
  enteringMoments,
} from "./nanoadam/adam.js";
export { createNanoAdam, type NanoAdamOptions } from "./nanoadam/nanoadam.js";
export { createNanoLion, type LionOptions, lion, type NanoLionOptions } from "./nanolion.js";
export { createNanoSgd, type GradientDescentOptions, gradientDescent, type NanoSgdOptions } from "./nanosgd.js";
export { composeOptimizer, type RuledParameter, takeStep } from "./optimizer.js";
export {
  type LearningRateSchedule,
  type LearningRateScheduleName,
  learningRateAt,
  learningRateSchedules,
  warmupSteps,
} from "./schedule.js";
export { type Criterion, criteria } from "./selected/criterion.js";
export {
  type DensitySchedule,
  type DensityScheduleName,
  densityAt,
  densityScheduleNames,
  type RefreshSchedule,
  refreshIsDue,
} from "./selected/density.js";
export { type StateType, stateTypes } from "./selected/entry-states.js";
export { type SelectedOptions, selected } from "./selected/selected.js";
export { type StateOnRefresh, statesOnRefresh } from "./selected/selected-rule.js";
export { type ShareKind, shareKinds } from "./selected/shares.js";
export type { EntriesAtHand, EntryState, StepAtHand, UpdateRule } from "./selected/update-rule.js";
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
