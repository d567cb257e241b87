/** The options of what is done with a fine-tuned model: measuring it, predicting, merging an adapter. */
import { z } from "zod";
import { dataSchema } from "./data-options.js";
import { count, flag } from "./option-types.js";
import { trainingSchema } from "./training-options.js";

/** How texts are read and run, as in training. */
const textOptions = {
  ...dataSchema.pick({ text: true, label: true, delimiter: true, maxLength: true }).shape,
  ...trainingSchema.pick({ batchSize: true, threads: true }).shape,
};

export const evaluateSchema = z
  .object({
    model: z.string().min(1).meta(flag("fine-tuned checkpoint folder", "DIR")),
    data: z.string().min(1).meta(flag("labelled data: .tsv, .csv, .jsonl, .json or .txt", "FILE")),
    ...textOptions,
    limit: count.optional().meta(flag("use only the first N rows", "N")),
  })
  .strict();

export const predictSchema = z
  .object({
    model: z.string().min(1).meta(flag("fine-tuned checkpoint folder", "DIR")),
    data: z.string().min(1).optional().meta(flag("data to label", "FILE")),
    textPair: z.string().optional().meta(flag("the second text of a pair", '"..."')),
    ...textOptions,
    text: z.string().min(1).meta(flag("the text itself, or with --data its column or columns", '"..."|COL[,COL2]')),
  })
  .omit({ label: true })
  .strict()
  .superRefine(({ data, textPair }, context) => {
    if (data === undefined || textPair === undefined) return;
    const message = "cannot go with --data; name two columns in --text";
    context.addIssue({ code: "custom", path: ["textPair"], message });
  });

export const exportSchema = z
  .object({
    model: z.string().min(1).meta(flag("adapter folder", "DIR")),
    base: z.string().min(1).optional().meta(flag("its base model (default: as adapter_config.json says)", "DIR")),
    merge: z.boolean().default(false).meta(flag("add the adapter to the base model's weights")),
    output: z.string().min(1).meta(flag("folder to write the model to", "DIR")),
    overwrite: z.boolean().default(false).meta(flag("replace an output folder that is not empty")),
  })
  .strict();

export type EvaluateOptions = z.output<typeof evaluateSchema>;
export type EvaluateInput = z.input<typeof evaluateSchema>;
export type ExportInput = z.input<typeof exportSchema>;
export type PredictOptions = z.output<typeof predictSchema>;
export type PredictInput = z.input<typeof predictSchema>;
