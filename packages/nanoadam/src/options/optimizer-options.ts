import { z } from "zod";
import type { AdapterOptions } from "./adapter-options.js";
import { type OptimizerName, type OwnInput, optimizerNames, optimizers, ownOptions } from "./optimizers.js";
import { flag } from "./option-types.js";

/** How weights are updated: which optimizer, and the settings of each. */
export interface OptimizerInput extends OwnInput {
  /** How weights are updated; by default `nanoadam`. */
  readonly optimizer?: OptimizerName | undefined;
  /** Decoupled weight decay; by default 0. */
  readonly weightDecay?: number | undefined;
  /**
   * Weights that are 0, as in a pruned network, stay 0 under any optimizer: those of matrices, convolutions and tables that the
   * checkpoint has. By default false.
   */
  readonly keepZeros?: boolean | undefined;
}

const summaries = optimizerNames.map((name) => `${name} (${optimizers[name].summary})`).join(", ");

export const optimizerSchema = z.object({
  optimizer: z
    .enum(optimizerNames)
    .default("nanoadam")
    .meta(flag(`how weights are updated: ${summaries}`, "NAME")),
  weightDecay: z.number().min(0).max(3.4e38).default(0).meta(flag("decoupled weight decay", "X")),
  keepZeros: z.boolean().default(false).meta(flag("weights that are 0, as in a pruned network, stay 0")),
  ...ownOptions,
});

export type OptimizerOptions = z.output<typeof optimizerSchema>;

/** Whether linear layers and embeddings may be held in bfloat16: weights that are selected from, or frozen beside an adapter. */
export function mayHoldBfloat16(
  { optimizer }: Pick<OptimizerOptions, "optimizer">,
  { loraRank }: Pick<AdapterOptions, "loraRank">,
): boolean {
  return optimizers[optimizer].mayHoldBfloat16 || loraRank !== undefined;
}

/** An adapter starts from nothing and takes larger steps. */
const adapterFactor = 4;

/** The width that the table's learning rates are for: BERT-base's. */
const usualWidth = 768;
/** Narrow models take larger steps, by this power of how much narrower they are (docs/defaults.md), down to a width. */
const widthPower = 1.5;
const narrowest = 128;

/** The learning rate of a run that names none, for a model so wide; to two digits. */
export function defaultLearningRate(
  { optimizer }: Pick<OptimizerOptions, "optimizer">,
  { loraRank }: Pick<AdapterOptions, "loraRank">,
  hiddenSize: number,
): number {
  const { defaultLearningRate, followsWidth } = optimizers[optimizer];
  const forWidth = followsWidth ? (usualWidth / Math.max(narrowest, hiddenSize)) ** widthPower : 1;
  return Number((defaultLearningRate * forWidth * (loraRank === undefined ? 1 : adapterFactor)).toPrecision(2));
}
