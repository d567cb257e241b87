import { countTruncated } from "../data/dataset.js";
import { openDataSource } from "../data/source.js";
import { parseOptions } from "../options/parse-options.js";
import { type EvaluateInput, evaluateSchema } from "../options/saved-model-options.js";
import { requireFittingColumns } from "../tasks/columns.js";
import { taskKind } from "../tasks/registry.js";
import { type Evaluation, evaluateModel } from "../train/evaluation.js";
import { openModel } from "./open-model.js";

export interface EvaluationReport {
  readonly task: string;
  readonly examples: number;
  readonly truncated: number;
  readonly evaluation: Evaluation;
  /** What was left out of the data, or read otherwise than it stands, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Loss and metrics of a fine-tuned checkpoint on labelled data.
 * @throws InputError for anything wrong with options, model or data.
 */
export async function evaluate(input: EvaluateInput): Promise<EvaluationReport> {
  const { model: folder, data, batchSize, maxLength, threads, ...columns } = parseOptions(evaluateSchema, input);
  const model = await openModel(folder, { maxLength, threads });
  try {
    const { task, evaluationPrograms: programs } = model;
    const kind = taskKind(task.name);
    requireFittingColumns(kind, columns);
    const label = kind.needsLabel ? columns.label : undefined;
    const source = await openDataSource(data, "data", { ...columns, label });
    requireFittingColumns(kind, source);
    const dataset = await task.read(source);
    return {
      task: task.name,
      examples: dataset.length,
      truncated: countTruncated(dataset),
      evaluation: await evaluateModel({ task, dataset, batchSize, programs }),
      notes: await source.notes(),
    };
  } finally {
    await model.release();
  }
}
