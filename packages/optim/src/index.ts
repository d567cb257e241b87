/** NanoAdam, AdamW, and the schedules of density and learning rate, on plain typed arrays. */

export { addEntries, arrayLike, gatherEntries, scatterEntries } from "./accumulate.js";
export { type AdamWOptions, createAdamW } from "./adamw.js";
export { type AdamW8bitOptions, createAdamW8bit } from "./adamw8bit.js";
export type { Criterion } from "./choice.js";
export type {
  GradientNeed,
  Optimizer,
  OptimizerState,
  Parameter,
  Selection,
  StateArray,
  TensorRule,
  WeightArray,
} from "./contract.js";
export { type DensitySchedule, densityAt, type RefreshSchedule, refreshIsDue } from "./density.js";
export { withFrozen } from "./freeze.js";
export { createGaLore, type GaLoreOptions } from "./galore.js";
export { createMicroAdam, type MicroAdamOptions, type RingValueType } from "./microadam.js";
export type { StateType } from "./moments.js";
export { createNanoAdam, type NanoAdamOptions } from "./nanoadam.js";
export type { BiasCorrection, StateOnRefresh } from "./nanoadam-rule.js";
export { composeOptimizer, type RuledParameter, takeStep } from "./optimizer.js";
export {
  type LearningRateSchedule,
  type LearningRateScheduleName,
  learningRateAt,
  warmupSteps,
} from "./schedule.js";
export { type SelectionOptions, selectionIndices, selectSmallest } from "./select.js";
export { createSgd, type SgdOptions } from "./sgd.js";
