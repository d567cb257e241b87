import type { Batch } from "../data/batch.js";
import { type BatchPlan, planBatches } from "../data/batches.js";
import { type Dataset, sizesOf } from "../data/dataset.js";
import { loadAhead } from "../data/load-ahead.js";
import { loadBatch } from "../tasks/load-batch.js";
import type { Task } from "../tasks/task.js";
import type { Plan } from "./plan.js";
import type { SettledTraining } from "./settle.js";

/** What a step learns from. */
export interface StepBatches {
  /** The step's batches, loaded as they are asked for. */
  readonly batches: AsyncIterable<Batch>;
  /** How many they are. */
  readonly count: number;
  /** Tokens of the step that are not padding. */
  readonly tokens: number;
  readonly examples: number;
}

export interface Loader {
  /** The largest batch of the first epoch; those of other epochs are as long, and differ at most where one is not full. */
  largest(): Promise<Batch>;
  /** The batches of a step. Where steps are asked for in order, each batch is loaded while the one before is in use. */
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
  { stepsPerEpoch, totalSteps }: Pick<Plan, "stepsPerEpoch" | "totalSteps">,
  { batchSize, accumulate, sampling, seed, maximumSize }: LoaderOptions,
): Loader {
  const sizes = sizesOf(dataset);
  const plansOf = (epoch: number) => planBatches(sizes, { batchSize, sampling, shuffle: { seed, epoch }, maximumSize });
  let planned = { epoch: 0, plans: plansOf(0) };
  const largestPlan = planned.plans.reduce((best, plan) => (areaOf(plan) > areaOf(best) ? plan : best));
  const load = (plan: BatchPlan, epoch: number) => loadBatch(task, dataset, plan, { seed, step: epoch });
  const plansOfStep = (step: number): readonly BatchPlan[] => {
    const epoch = Math.floor(step / stepsPerEpoch);
    if (epoch !== planned.epoch) planned = { epoch, plans: plansOf(epoch) };
    const first = (step % stepsPerEpoch) * accumulate;
    return planned.plans.slice(first, first + accumulate);
  };
  function* from(step: number): Iterable<readonly [plan: BatchPlan, epoch: number]> {
    for (let each = step; each < totalSteps; each++) {
      for (const plan of plansOfStep(each)) yield [plan, Math.floor(each / stepsPerEpoch)];
    }
  }
  let stream: { readonly loaded: AsyncGenerator<Batch>; step: number } | undefined;
  return {
    largest: () => load(largestPlan, 0),
    of(step) {
      const chosen = plansOfStep(step);
      if (stream?.step !== step) {
        stream = { loaded: loadAhead(from(step), ([plan, epoch]) => load(plan, epoch)), step };
      }
      stream.step++;
      const { loaded } = stream;
      async function* batches(): AsyncIterable<Batch> {
        for (const _ of chosen) {
          const { value } = await loaded.next();
          if (value !== undefined) yield value;
        }
      }
      const indices = chosen.flatMap((plan) => plan.indices);
      const tokens = indices.reduce((sum, index) => sum + (sizes[index] ?? 0), 0);
      return { batches: batches(), count: chosen.length, tokens, examples: indices.length };
    },
  };
}

/** Places that a batch has for tokens. */
function areaOf({ indices, size }: BatchPlan): number {
  return indices.length * size;
}
