/** The settings of a run that were left open, as they fit the data's size, the optimizer and the model. */
import type { FinetuneOptions } from "../options/finetune-options.js";
import { defaultLearningRate } from "../options/optimizer-options.js";
import type { TrainingOptions } from "../options/training-options.js";

/** The settings of a run's steps, nothing left open. */
export interface SettledTraining extends TrainingOptions {
  readonly batchSize: number;
  readonly learningRate: number;
}

/** What open settings depend on. */
export interface RunSize {
  /** Examples to train on. */
  readonly examples: number;
  /** The width of the model. */
  readonly hiddenSize: number;
}

/** So many steps a fresh head takes to learn well, whatever the size of the data; of tiny data, so many epochs are enough. */
const fewestSteps = 800;
const usualEpochs = 3;
const mostEpochs = 30;
const batchSizes = [32, 16] as const;
const smallestBatch = 8;

/**
 * Settles what was not asked for: the largest batch with which three epochs have steps enough, else a small one and as many
 * epochs as that takes; and the learning rate. `docs/defaults.md` says how good this is.
 */
export function settleTraining(
  { training, optimizer, adapter }: Pick<FinetuneOptions, "training" | "optimizer" | "adapter">,
  { examples, hiddenSize }: RunSize,
): SettledTraining {
  const { accumulate, steps, learningRate } = training;
  const stepsOf = (batch: number) => Math.ceil(Math.ceil(examples / batch) / accumulate);
  const enough = batchSizes.find((batch) => usualEpochs * stepsOf(batch) >= fewestSteps);
  const batchSize = training.batchSize ?? enough ?? smallestBatch;
  const needed = Math.ceil(fewestSteps / stepsOf(batchSize));
  const epochs = training.epochs ?? Math.min(mostEpochs, Math.max(usualEpochs, needed));
  return {
    ...training,
    batchSize,
    ...(steps === undefined ? { epochs } : {}),
    learningRate: typeof learningRate === "number" ? learningRate : defaultLearningRate(optimizer, adapter, hiddenSize),
  };
}

/** A part of small data is held out that is large enough to measure something by: a tenth, or up to a fifth for 100 rows. */
export function heldOutShare(examples: number): number {
  const [least, most, enough] = [0.1, 0.2, 100];
  return Math.min(most, Math.max(least, enough / examples));
}
