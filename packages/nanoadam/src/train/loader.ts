import { planBatches } from "../data/batches.js";
import type { BatchShape } from "../models/model.js";
import type { TrainingOptions } from "../options/training-options.js";
import type { Programs } from "../program/program-cache.js";
import type { Plan } from "./plan.js";
import type { PreparedRun } from "./prepare.js";
import type { MicroBatch } from "./step.js";

export interface StepBatches {
  /** The step's micro-batches, laid out and compiled for as they are asked for. */
  readonly batches: AsyncIterable<MicroBatch>;
  /** Tokens of the step that are not padding. */
  readonly tokens: number;
}

export interface BatchSchedule {
  /** The first epoch's largest batch; those of other epochs are as long, and differ at most where a batch is not full. */
  readonly largest: BatchShape;
  /** What a step learns from, to run on `programs`. Steps are asked for in order. */
  of(step: number, programs: Programs): StepBatches;
}

/** What each step of a run learns from: epochs follow one another, each in an order of its own. */
export function stepBatches(
  options: TrainingOptions,
  { pretrained: { model }, task, train: examples, maxLength }: PreparedRun,
  plan: Plan,
): BatchSchedule {
  const lengths = examples.map(({ ids }) => ids.length);
  const plansOf = (epoch: number) =>
    planBatches(lengths, { batchSize: options.batchSize, shuffle: { seed: options.seed, epoch }, maxLength });
  let epochPlans = plansOf(0);
  let plannedEpoch = 0;
  const tokensOf = ({ batchSize, length }: BatchShape) => batchSize * length;
  const largest = epochPlans
    .map(({ indices, length }): BatchShape => ({ batchSize: indices.length, length }))
    .reduce((best, shape) => (tokensOf(shape) > tokensOf(best) ? shape : best));
  const of = (step: number, programs: Programs): StepBatches => {
    const epoch = Math.floor(step / plan.stepsPerEpoch);
    if (epoch !== plannedEpoch) {
      epochPlans = plansOf(epoch);
      plannedEpoch = epoch;
    }
    const first = (step % plan.stepsPerEpoch) * options.accumulate;
    const chosen = epochPlans.slice(first, first + options.accumulate);
    const indices = chosen.flatMap((batchPlan) => batchPlan.indices);
    async function* microBatches(): AsyncIterable<MicroBatch> {
      for (const [pass, batchPlan] of chosen.entries()) {
        const batch = task.batch(examples, batchPlan, { seed: options.seed, step: step * options.accumulate + pass });
        yield {
          program: await programs.of(batch.tokens),
          tensors: new Map([...model.inputs(batch.tokens), ...batch.targets]),
          share: batchPlan.indices.length / indices.length,
        };
      }
    }
    return { batches: microBatches(), tokens: indices.reduce((sum, index) => sum + (lengths[index] ?? 0), 0) };
  };
  return { largest, of };
}
