import type { Batch } from "../data/batch.js";
import { type BatchPlan, planBatches } from "../data/batches.js";
import { type Dataset, sizesOf } from "../data/dataset.js";
import { loadAhead } from "../data/load-ahead.js";
import { InputError } from "../errors.js";
import type { ProgramCache } from "../program/program-cache.js";
import { loadBatch } from "../tasks/load-batch.js";
import type { ReviewAccumulator } from "../tasks/review.js";
import type { LogitColumns, Metrics, Task } from "../tasks/task.js";

/** The mean loss over some examples, and the task's metrics. */
export type Evaluation = { readonly loss: number } & Metrics;

/** What is random about examples, masks for instance, is the same in all evaluations, so that their losses compare. */
const evaluationKey = { seed: 0, step: 0 };

export interface EvaluationOptions<Example> {
  readonly task: Task<Example>;
  readonly dataset: Dataset<Example>;
  readonly batchSize: number;
  readonly programs: ProgramCache;
  /** Looks the answers through, beside the metrics. */
  readonly review?: ReviewAccumulator | undefined;
}

/** What the model makes of a batch; valid only while it is received. */
export interface BatchResult {
  readonly batch: Batch;
  readonly logits: Float32Array;
  /** Which columns the logits are, where they are over so large a vocabulary that they come in pieces. */
  readonly columns: LogitColumns | undefined;
  /** Which examples the batch is of, in its order. */
  readonly indices: readonly number[];
}

/**
 * Runs the model over examples, without dropout, in batches of like sizes.
 * @returns the summed loss, NaN where there is nothing to compare with, and what it is divided by
 */
export async function forEachBatch<Example>(
  { task, dataset, batchSize, programs }: EvaluationOptions<Example>,
  receive: (result: BatchResult) => void,
): Promise<{ readonly loss: number; readonly weight: number }> {
  let [loss, weight] = [0, 0];
  const plans = planBatches(sizesOf(dataset), { batchSize, shuffle: undefined });
  const load = async (plan: BatchPlan) => ({
    batch: await loadBatch(task, dataset, plan, evaluationKey),
    indices: plan.indices,
  });
  for await (const { batch, indices } of loadAhead(plans, load)) {
    loss += await programs.use(batch, (program) =>
      program.forward(undefined, (logits, columns) => receive({ batch, logits, columns, indices })),
    );
    weight += batch.weight;
  }
  return { loss, weight };
}

/**
 * Loss and metrics of a model on labelled examples.
 * @throws InputError where there is nothing to predict: no labelled word, or no token that could be masked.
 */
export async function evaluateModel<Example>(options: EvaluationOptions<Example>): Promise<Evaluation> {
  const metrics = options.task.metrics();
  const { loss: sum, weight } = await forEachBatch(options, ({ batch, logits, columns, indices }) => {
    metrics.add(logits, batch, columns);
    options.review?.add({ logits, batch, indices });
  });
  if (weight === 0) {
    throw new InputError(`the evaluation data have nothing to predict for ${options.task.name}`);
  }
  const loss = sum / weight;
  return { loss, ...metrics.result(loss) };
}
