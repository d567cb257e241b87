/** NanoAdam, AdamW, and the schedules of density and learning rate, on plain typed arrays. */

export { addEntries, gatherEntries } from "./accumulate.js";
export { type AdamWOptions, createAdamW } from "./adamw.js";
export type {
  GradientNeed,
  Optimizer,
  OptimizerState,
  Parameter,
  Selection,
  StateArray,
  TensorRule,
} from "./contract.js";
export { type DensitySchedule, densityAt, type RefreshSchedule, refreshIsDue } from "./density.js";
export { type BiasCorrection, createNanoAdam, type NanoAdamOptions, type StateOnRefresh } from "./nanoadam.js";
export { composeOptimizer, type RuledParameter, takeStep } from "./optimizer.js";
export {
  type LearningRateSchedule,
  type LearningRateScheduleName,
  learningRateAt,
  warmupSteps,
} from "./schedule.js";
export { type SelectionOptions, selectionIndices, selectSmallest } from "./select.js";
