import {
  type BiasCorrection,
  biasCorrections,
  type Criterion,
  createNanoAdam,
  criteria,
  type StateOnRefresh,
  type StateType,
  statesOnRefresh,
  stateTypes,
} from "@nanoadam/optim";
import { z } from "zod";
import { isPruned, optimizerEntry, type RunLength, type TrainedParameter } from "./optimizer-entry.js";
import { count, flag, fraction } from "./option-types.js";

/** NanoAdam's own options. */
export interface NanoAdamInput {
  /** The fraction of each tensor that NanoAdam updates; by default 0.1. */
  readonly density?: number | undefined;
  /** The fraction that it reaches at the end; by default 0.4 times `density`. */
  readonly finalDensity?: number | undefined;
  /** Steps between selections; by default a 40th of an epoch. */
  readonly maskInterval?: number | undefined;
  /** Steps between changes of density; by default an eighth of an epoch. */
  readonly densityInterval?: number | undefined;
  /** Select once, at the first step, for the whole run. By default false. */
  readonly staticMask?: boolean | undefined;
  /** What NanoAdam selects by: small or large weights, chance, or large gradients. By default `small`. */
  readonly criterion?: Criterion | undefined;
  /** Weights that are selected from together; by default 32,768. */
  readonly chunkSize?: number | undefined;
  /** Biases under NanoAdam: selected from like weights (`selected`, the default), or updated whole (`dense`). */
  readonly biases?: "selected" | "dense" | undefined;
  /** The moments of entries that stay selected: kept (`carry`, the default), or started anew (`reset`). */
  readonly stateOnRefresh?: StateOnRefresh | undefined;
  /** Bias correction by an entry's age (`entry`), by the step (`global`, the default), or none. */
  readonly biasCorrection?: BiasCorrection | undefined;
  /** How much of NanoAdam's first moment stays from step to step; by default 0.9. */
  readonly beta1?: number | undefined;
  /** How NanoAdam's moments of selected entries are stored; by default in `float32`. */
  readonly stateDtype?: StateType | undefined;
}

const options = {
  density: fraction.default(0.1).meta(flag("fraction of each tensor that nanoadam updates", "X")),
  finalDensity: fraction
    .optional()
    .meta(flag("fraction that it reaches at the end (default: 0.4 times `density`)", "X")),
  maskInterval: count.optional().meta(flag("steps between selections (default: 1/40 of an epoch)", "N")),
  densityInterval: count.optional().meta(flag("steps between changes of density (default: 1/8 of an epoch)", "N")),
  staticMask: z.boolean().default(false).meta(flag("select once, at the first step, for the whole run")),
  criterion: z
    .enum(criteria)
    .default("small")
    .meta(flag("what nanoadam selects by: small or large weights, chance, or large gradients")),
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
    .meta(flag("biases under nanoadam: selected from like weights, or updated whole")),
  stateOnRefresh: z
    .enum(statesOnRefresh)
    .default("carry")
    .meta(flag("moments of entries that stay selected: kept or started anew")),
  biasCorrection: z
    .enum(biasCorrections)
    .default("global")
    .meta(flag("bias correction by an entry's age, by the step, or none")),
  beta1: z.number().min(0).lt(1).default(0.9).meta(flag("how much of its first moment stays from step to step", "X")),
  stateDtype: z.enum(stateTypes).default("float32").meta(flag("storage of nanoadam's moments of selected entries")),
};

type NanoAdamOptions = z.output<z.ZodObject<typeof options>>;

const defaultFinalFraction = 0.4;

/** The line of NanoAdam in the table of optimizers. */
export const nanoadam = optimizerEntry({
  summary: "the smallest weights only",
  options,
  defaultLearningRate: 3e-4,
  followsWidth: true,
  comparedAt: [3e-4, 1e-3, 3e-3, 1e-2],
  adaptersComparedAt: [1e-3, 3e-3, 1e-2],
  mayHoldBfloat16: true,
  create: ({ biases, stateDtype, ...options }, { parameters, length, seed }) =>
    createNanoAdam({
      parameters,
      weightDecay: options.weightDecay,
      betas: [options.beta1, 0.999],
      dense: parameters.filter((parameter) => isDense(parameter, biases)).map(({ name }) => name),
      density: options.density,
      finalDensity: options.finalDensity ?? defaultFinalFraction * options.density,
      ...intervals(options, length),
      totalSteps: length.totalSteps,
      chunkSize: options.chunkSize,
      stateOnRefresh: options.stateOnRefresh,
      biasCorrection: options.biasCorrection,
      stateType: stateDtype,
      criterion: options.criterion,
      skipZeros: options.keepZeros ? parameters.filter(isPruned).map(({ name }) => name) : false,
      seed,
    }),
  secondMoments: ({ biasCorrection }) =>
    biasCorrection === "entry" ? undefined : { beta2: 0.999, epsilon: 1e-8, isCorrected: biasCorrection === "global" },
  settled: intervals,
});

/**
 * Whether a tensor is updated whole: normalisation layers and the head (docs/method.md, section 2), and whatever the
 * checkpoint lacked, since a tensor that was just drawn has no small weights to prefer. Adapters are selected from.
 */
function isDense({ role, isFresh }: TrainedParameter, biases: NanoAdamOptions["biases"]): boolean {
  if (role === "adapter") return false;
  return isFresh || role === "normalisation" || role === "head" || (role === "bias" && biases === "dense");
}

/** Steps between selections and between changes of density: 1/40 and 1/8 of an epoch (docs/method.md, section 3). */
function intervals(
  options: Pick<NanoAdamOptions, "maskInterval" | "densityInterval" | "staticMask">,
  { stepsPerEpoch, totalSteps }: RunLength,
): { readonly maskInterval: number; readonly densityInterval: number | undefined } {
  if (options.staticMask) return { maskInterval: totalSteps, densityInterval: undefined };
  const epoch = Math.min(stepsPerEpoch, totalSteps);
  return {
    maskInterval: options.maskInterval ?? Math.max(1, Math.round(epoch / 40)),
    densityInterval: options.densityInterval ?? Math.max(1, Math.round(epoch / 8)),
  };
}
