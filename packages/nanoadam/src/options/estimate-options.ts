import { z } from "zod";
import { type AdapterInput, adapterSchema } from "./adapter-options.js";
import { dataSchema } from "./data-options.js";
import { type ModelInput, modelSchema } from "./model-options.js";
import { type ObjectiveInput, objectiveSchema } from "./objective-options.js";
import { type OptimizerInput, optimizerSchema } from "./optimizer-options.js";
import { countTo, flag } from "./option-types.js";
import { type OutputInput, outputSchema } from "./output-options.js";
import { type RetentionInput, retentionSchema } from "./retention-options.js";
import { mostTogether, type TrainingInput, trainingSchema } from "./training-options.js";

/** Rows of each are imagined. ImageNet-21k, of the largest that are trained on, has 21,843. */
const mostLabels = 200_000;

const shape = {
  ...modelSchema.shape,
  ...objectiveSchema.pick({ task: true }).shape,
  maxLength: dataSchema.shape.maxLength,
  labels: countTo(mostLabels).default(2).meta(flag("labels of the task", "N")),
  ...trainingSchema.pick({
    batchSize: true,
    accumulate: true,
    steps: true,
    clip: true,
    dropout: true,
    checkpointing: true,
    sampledBelow: true,
    threads: true,
    engine: true,
  }).shape,
  batchSize: countTo(mostTogether).default(16).meta(flag("examples that run together", "N")),
  ...optimizerSchema.shape,
  ...adapterSchema.shape,
  retainTask: retentionSchema.shape.retainTask.meta(
    flag("count measuring what the base model keeps, too (`retain`): what its own head is for", "NAME"),
  ),
  ...outputSchema.pick({ saveDtype: true }).shape,
  measure: z
    .boolean()
    .default(false)
    .meta(flag("take a few steps, and say how long one takes and what memory it took")),
};

export const estimateSchema = z.object(shape).strict();

/** A run to be estimated: options as of a run, and what they cannot say without data. */
export interface EstimateInput
  extends ModelInput,
    Pick<ObjectiveInput, "task">,
    Pick<
      TrainingInput,
      | "batchSize"
      | "accumulate"
      | "steps"
      | "clip"
      | "dropout"
      | "checkpointing"
      | "sampledBelow"
      | "threads"
      | "engine"
    >,
    OptimizerInput,
    AdapterInput,
    Pick<RetentionInput, "retainTask">,
    Pick<OutputInput, "saveDtype"> {
  /** The tokens of every text; by default the model's positions, at most 128. */
  readonly maxLength?: number | undefined;
  /** Labels of the task; by default 2. */
  readonly labels?: number | undefined;
  /** Take a few steps, and say how long one takes and what memory it took; by default false. */
  readonly measure?: boolean | undefined;
}

export type EstimateOptions = z.output<typeof estimateSchema>;
