import type { Batch } from "../data/batch.js";
import { type BatchPlan, planBatches } from "../data/batches.js";
import { type Dataset, sizesOf } from "../data/dataset.js";
import { loadBatch } from "../tasks/load-batch.js";
import type { Task } from "../tasks/task.js";
import type { Plan } from "./plan.js";
import type { SettledTraining } from "./settle.js";

/** What a step learns from. */
export interface StepBatches {
  /** The step's batches, loaded as they are asked for. */
  readonly batches: AsyncIterable<Batch>;
  /** Tokens of the step that are not padding. */
  readonly tokens: number;
  readonly examples: number;
}

export interface Loader {
  /** The largest batch of the first epoch; those of other epochs are as long, and differ at most where one is not full. */
  largest(): Promise<Batch>;
  /** The batches of a step. Steps are asked for in order. */
  of(step: number): StepBatches;
}

export interface LoaderOptions extends Pick<SettledTraining, "batchSize" | "accumulate" | "sampling" | "seed"> {
  /** No batch is padded beyond it. */
  readonly maximumSize: number;
}

/** The batches of each step of a run: epochs follow one another, each in an order of its own. */
export function createLoader(
  task: Task,
  dataset: Dataset,
  { stepsPerEpoch }: Pick<Plan, "stepsPerEpoch">,
  { batchSize, accumulate, sampling, seed, maximumSize }: LoaderOptions,
): Loader {
  const sizes = sizesOf(dataset);
  const plansOf = (epoch: number) => planBatches(sizes, { batchSize, sampling, shuffle: { seed, epoch }, maximumSize });
  let plans = plansOf(0);
  let plannedEpoch = 0;
  const largestPlan = plans.reduce((best, plan) => (areaOf(plan) > areaOf(best) ? plan : best));
  return {
    largest: () => loadBatch(task, dataset, largestPlan, { seed, step: 0 }),
    of(step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (epoch !== plannedEpoch) {
        plans = plansOf(epoch);
        plannedEpoch = epoch;
      }
      const first = (step % stepsPerEpoch) * accumulate;
      const chosen = plans.slice(first, first + accumulate);
      async function* batches(): AsyncIterable<Batch> {
        for (const plan of chosen) yield await loadBatch(task, dataset, plan, { seed, step: epoch });
      }
      const indices = chosen.flatMap((plan) => plan.indices);
      const tokens = indices.reduce((sum, index) => sum + (sizes[index] ?? 0), 0);
      return { batches: batches(), tokens, examples: indices.length };
    },
  };
}

/** Places that a batch has for tokens. */
function areaOf({ indices, size }: BatchPlan): number {
  return indices.length * size;
}
