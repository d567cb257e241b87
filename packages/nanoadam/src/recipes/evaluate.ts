import { countTruncated } from "../data/dataset.js";
import { InputError } from "../errors.js";
import { parseOptions } from "../options/parse-options.js";
import { type EvaluateInput, evaluateSchema } from "../options/saved-model-options.js";
import { openTaskData } from "../tasks/open-data.js";
import { taskKind } from "../tasks/registry.js";
import type { Review } from "../tasks/review.js";
import { type Evaluation, evaluateModel } from "../train/evaluation.js";
import type { NoticeListener } from "../train/observer.js";
import { openModel } from "./open-model.js";

export interface EvaluationReport {
  readonly task: string;
  readonly examples: number;
  readonly truncated: number;
  readonly evaluation: Evaluation;
  /** By label, the confusions and the surest mistakes, and a sentence; for tasks that have one. */
  readonly review?: Review;
  /** What should be said of the data, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Loss and metrics of a fine-tuned checkpoint on labelled data.
 * @throws InputError for anything wrong with options, model or data.
 */
export async function evaluate(input: EvaluateInput, listener: NoticeListener = {}): Promise<EvaluationReport> {
  const {
    model: folder,
    data,
    batchSize,
    maxLength,
    threads,
    engine,
    lossOn,
    ...columns
  } = parseOptions(evaluateSchema, input);
  const model = await openModel(folder, { maxLength, threads, engine, lossOn }, listener);
  try {
    const { task, evaluationPrograms: programs } = model;
    const kind = taskKind(task.name);
    if (columns.label !== undefined && !kind.needsLabel) {
      throw new InputError(
        `\`label\` cannot go with ${folder}, a ${task.name} checkpoint by its config.json (architectures): it has no head for labels; run nanoadam finetune first`,
      );
    }
    const source = await openTaskData(kind, data, "data", columns);
    const dataset = await task.read(source);
    const review = task.review?.(dataset);
    const evaluation = await evaluateModel({ task, dataset, batchSize, programs, review });
    return {
      task: task.name,
      examples: dataset.length,
      truncated: countTruncated(dataset),
      evaluation,
      ...(review === undefined ? {} : { review: review.result() }),
      notes: [...(await source.notes()), ...(dataset.notes ?? [])],
    };
  } finally {
    await model.release();
  }
}
