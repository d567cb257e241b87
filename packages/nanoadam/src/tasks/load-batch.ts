import type { Batch } from "../data/batch.js";
import type { BatchPlan } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import type { StepKey } from "../random-streams.js";
import type { Task } from "./task.js";

/** The examples of a plan, loaded and laid out. */
export async function loadBatch<Example>(
  task: Pick<Task<Example>, "collate">,
  dataset: Dataset<Example>,
  { indices, size }: BatchPlan,
  key: StepKey,
): Promise<Batch> {
  return task.collate(await Promise.all(indices.map((index) => dataset.load(index, key))), size);
}
