import {
  type BiasCorrection,
  biasCorrections,
  type Criterion,
  criteria,
  type StateOnRefresh,
  type StateType,
  statesOnRefresh,
  stateTypes,
} from "@nanoadam/optim";
import { z } from "zod";
import type { AdapterOptions } from "./adapter-options.js";
import { count, flag } from "./option-types.js";

export const optimizerNames = ["nanoadam", "adamw", "adamw8bit", "microadam", "galore", "sgd"] as const;
export type OptimizerName = (typeof optimizerNames)[number];

const density = z.number().gt(0).max(1);

/** How weights are updated: which optimizer, and the settings of each. */
export interface OptimizerInput {
  /** How weights are updated; by default `nanoadam`. */
  readonly optimizer?: OptimizerName | undefined;
  /** Decoupled weight decay; by default 0. */
  readonly weightDecay?: number | undefined;
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
  /** Never update weights that are exactly 0, as in a pruned network. By default false. */
  readonly skipZeros?: boolean | undefined;
  /** Weights that are selected from together; by default 32,768. */
  readonly chunkSize?: number | undefined;
  /** Biases under NanoAdam: selected from like weights (`selected`, the default), or updated whole (`dense`). */
  readonly biases?: "selected" | "dense" | undefined;
  /** The moments of entries that stay selected: kept (`carry`, the default), or started anew (`reset`). */
  readonly stateOnRefresh?: StateOnRefresh | undefined;
  /** Bias correction by an entry's age (`entry`), by the step (`global`, the default), or none. */
  readonly biasCorrection?: BiasCorrection | undefined;
  /** How NanoAdam's moments of selected entries are stored; by default in `float32`. */
  readonly stateDtype?: StateType | undefined;
  /** Steps whose gradients MicroAdam keeps; by default 10. */
  readonly microadamWindow?: number | undefined;
  /** The fraction of a gradient that MicroAdam keeps; by default 0.01. */
  readonly microadamDensity?: number | undefined;
  /** Dimensions of GaLore's subspace; by default 256. */
  readonly galoreRank?: number | undefined;
  /** Steps between GaLore's projections; by default 200. */
  readonly galoreGap?: number | undefined;
  /** A factor of GaLore's steps; by default 1. */
  readonly galoreScale?: number | undefined;
  /** The momentum of SGD; by default 0.9. */
  readonly momentum?: number | undefined;
}

export const optimizerSchema = z.object({
  optimizer: z.enum(optimizerNames).default("nanoadam").meta(flag("how weights are updated")),
  weightDecay: z.number().min(0).default(0).meta(flag("decoupled weight decay", "X")),
  density: density.default(0.1).meta(flag("share of each tensor that nanoadam updates", "X")),
  finalDensity: density.optional().meta(flag("share that it reaches at the end (default: 0.4 times --density)", "X")),
  maskInterval: count.optional().meta(flag("steps between selections (default: 1/40 of an epoch)", "N")),
  densityInterval: count.optional().meta(flag("steps between changes of density (default: 1/8 of an epoch)", "N")),
  staticMask: z.boolean().default(false).meta(flag("select once, at the first step, for the whole run")),
  criterion: z
    .enum(criteria)
    .default("small")
    .meta(flag("what nanoadam selects by: small or large weights, chance, or large gradients")),
  skipZeros: z.boolean().default(false).meta(flag("never update weights that are exactly 0, as in a pruned network")),
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
  stateDtype: z.enum(stateTypes).default("float32").meta(flag("storage of nanoadam's moments of selected entries")),
  microadamWindow: count.default(10).meta(flag("steps whose gradients microadam keeps", "N")),
  microadamDensity: density.default(0.01).meta(flag("share of a gradient that it keeps", "X")),
  galoreRank: count.default(256).meta(flag("dimensions of galore's subspace", "N")),
  galoreGap: count.default(200).meta(flag("steps between its projections", "N")),
  galoreScale: z.number().positive().default(1).meta(flag("factor of its steps", "X")),
  momentum: z.number().min(0).lt(1).default(0.9).meta(flag("momentum of sgd", "X")),
});

export type OptimizerOptions = z.output<typeof optimizerSchema>;

/** Whether linear layers and embeddings may be held in bfloat16, which what is updated whole cannot be. */
export function mayHoldBfloat16(
  { optimizer }: Pick<OptimizerOptions, "optimizer">,
  { loraRank }: Pick<AdapterOptions, "loraRank">,
): boolean {
  return optimizer === "nanoadam" || loraRank !== undefined;
}
