/** The options of optimizers that update selected entries, and what they make of a run. */
import {
  type Criterion,
  criteria,
  type DensityScheduleName,
  densityScheduleNames,
  type SelectedOptions,
  type ShareKind,
  type StateOnRefresh,
  type StateType,
  shareKinds,
  statesOnRefresh,
  stateTypes,
} from "@nanoadam/optim";
import { z } from "zod";
import {
  type CommonOptimizerOptions,
  isPruned,
  type OptimizerContext,
  type RunLength,
  type TrainedParameter,
} from "./optimizer-entry.js";
import { count, factor, flag, fraction } from "./option-types.js";

/** What is selected, by nanoadam, nanosgd and nanolion. */
export interface SelectionInput {
  /** The fraction of each tensor that is updated; by default 0.1. */
  readonly density?: number | undefined;
  /** The fraction that it reaches at the end; by default 0.4 times `density`. */
  readonly finalDensity?: number | undefined;
  /** How the density gets there: in a line (`linear`, the default), half a cosine, or not at all (`constant`). One that rises needs it. */
  readonly densitySchedule?: DensityScheduleName | undefined;
  /** The share of each tensor: `equal` (the default), in proportion to its `size`, or to its first `gradient`'s energy. */
  readonly shareBy?: ShareKind | undefined;
  /** Steps between selections; by default a 40th of an epoch. */
  readonly maskInterval?: number | undefined;
  /** Steps between changes of density; by default an eighth of an epoch. */
  readonly densityInterval?: number | undefined;
  /** Select once, at the first step, for the whole run. By default false. */
  readonly staticMask?: boolean | undefined;
  /**
   * What is selected by: small or large weights, chance, large gradients, or weights that are small beside others of their row or column. By
   * default `small`.
   */
  readonly criterion?: Criterion | undefined;
  /** Weights that are selected from together; by default 32,768. */
  readonly chunkSize?: number | undefined;
  /** Biases: selected from like weights (`selected`, the default), or updated whole (`dense`). */
  readonly biases?: "selected" | "dense" | undefined;
  /** The learning rate of tensors that are updated whole, as a factor of the run's; by default 1. */
  readonly denseLearningRate?: number | undefined;
  /** The states of entries that stay selected: kept (`carry`, the default), or started anew (`reset`). */
  readonly stateOnRefresh?: StateOnRefresh | undefined;
  /** How states of selected entries are stored; by default in `float32`. */
  readonly stateDtype?: StateType | undefined;
}

export const selectionOptions = {
  density: fraction.default(0.1).meta(flag("fraction of each tensor that nanoadam, nanosgd and nanolion update", "X")),
  finalDensity: fraction
    .optional()
    .meta(flag("fraction that it reaches at the end (default: 0.4 times `density`)", "X")),
  densitySchedule: z
    .enum(densityScheduleNames)
    .optional()
    .meta(flag("how the density gets there (default: linear); needed for one that rises")),
  shareBy: z
    .enum(shareKinds)
    .default("equal")
    .meta(flag("share of each tensor: equal, by its size, or by the energy of its first gradient")),
  maskInterval: count.optional().meta(flag("steps between selections (default: 1/40 of an epoch)", "N")),
  densityInterval: count.optional().meta(flag("steps between changes of density (default: 1/8 of an epoch)", "N")),
  staticMask: z.boolean().default(false).meta(flag("select once, at the first step, for the whole run")),
  criterion: z
    .enum(criteria)
    .default("small")
    .meta(flag(`what is selected by: ${criteria.join(", ")} (weights, chance, or large gradients)`, "NAME")),
  chunkSize: z
    .number()
    .int()
    .min(1)
    .max(65_536)
    .optional()
    .meta(flag("weights that are selected from together (default: 32768)", "N")),
  biases: z
    .enum(["selected", "dense"])
    .default("selected")
    .meta(flag("biases: selected from like weights, or updated whole")),
  denseLearningRate: factor
    .default(1)
    .meta(flag("learning rate of tensors that are updated whole, as a factor of the run's", "X")),
  stateOnRefresh: z
    .enum(statesOnRefresh)
    .default("carry")
    .meta(flag("states of entries that stay selected: kept or started anew")),
  stateDtype: z.enum(stateTypes).default("float32").meta(flag("storage of the states of selected entries")),
};

type SelectionOptions = z.output<z.ZodObject<typeof selectionOptions>>;

const defaultFinalFraction = 0.4;

/** What is selected of a run's tensors, and when. */
export function selectionOf(
  options: SelectionOptions & CommonOptimizerOptions,
  { parameters, length, seed }: OptimizerContext,
): SelectedOptions {
  return {
    parameters,
    weightDecay: options.weightDecay,
    dense: parameters.filter((parameter) => isDense(parameter, options.biases)).map(({ name }) => name),
    density: options.density,
    finalDensity: options.finalDensity ?? defaultFinalFraction * options.density,
    densitySchedule: options.densitySchedule,
    shareBy: options.shareBy,
    ...settledIntervals(options, length),
    totalSteps: length.totalSteps,
    chunkSize: options.chunkSize,
    stateOnRefresh: options.stateOnRefresh,
    stateType: options.stateDtype,
    criterion: options.criterion,
    skipZeros: options.keepZeros ? parameters.filter(isPruned).map(({ name }) => name) : false,
    denseLearningRate: options.denseLearningRate,
    seed,
  };
}

/**
 * Whether a tensor is updated whole: normalisation layers and the head (docs/method.md, section 2), and whatever the
 * checkpoint lacked, since a tensor that was just drawn has no small weights to prefer. Adapters are selected from.
 */
function isDense({ role, isFresh }: TrainedParameter, biases: SelectionOptions["biases"]): boolean {
  if (role === "adapter") return false;
  return isFresh || role === "normalisation" || role === "head" || (role === "bias" && biases === "dense");
}

/** Steps between selections and between changes of density: 1/40 and 1/8 of an epoch (docs/method.md, section 3). */
export function settledIntervals(
  options: Pick<SelectionOptions, "maskInterval" | "densityInterval" | "staticMask">,
  { stepsPerEpoch, totalSteps }: RunLength,
): { readonly maskInterval: number; readonly densityInterval: number | undefined } {
  if (options.staticMask) return { maskInterval: totalSteps, densityInterval: undefined };
  const epoch = Math.min(stepsPerEpoch, totalSteps);
  return {
    maskInterval: options.maskInterval ?? Math.max(1, Math.round(epoch / 40)),
    densityInterval: options.densityInterval ?? Math.max(1, Math.round(epoch / 8)),
  };
}
