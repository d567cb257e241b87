/**
 * One schema is the library's options, a configuration file's fields and the command line's flags: `maskInterval` is
 * `--mask-interval`. The descriptions are what `--help` prints.
 */
import { z } from "zod";
import { weightStorages } from "../checkpoint/pretrained.js";
import { loraOptions, optimizerOptions, refuseUnfit } from "./optimizer-options.js";
import { count, flag, numeric } from "./option-types.js";

const share = numeric(z.coerce.number().gt(0).lt(1));
const columns = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === "string" ? value.split(",") : value))
  .pipe(z.array(z.string().min(1)).min(1).max(2));

/** Options that say where a model and its data are, and how the data is read. */
const dataOptions = {
  text: columns.meta(flag("column of the text; two columns for pairs of texts", "COL[,COL2]")),
  label: z.string().min(1).optional().meta(flag("column of the label", "COL")),
  delimiter: z.string().min(1).optional().meta(flag("what separates fields, when not by the file's ending", "CHAR")),
  maxLength: count.optional().meta(flag("tokens of a text at most (default: the model's positions, at most 128)", "N")),
  batchSize: count.default(32).meta(flag("examples that run together", "N")),
  threads: count.optional().meta(flag("processor threads (default: one a physical core)", "N")),
};

export const finetuneSchema = z
  .object({
    model: z.string().min(1).meta(flag("checkpoint folder in Hugging Face layout", "DIR")),
    train: z.string().min(1).meta(flag("training data: .tsv, .csv, .jsonl, .json or .txt", "FILE")),
    eval: z.string().min(1).optional().meta(flag("evaluation data", "FILE")),
    evalShare: share
      .optional()
      .meta(flag("share of the training data held out when there is no --eval (default: 0.1)", "X")),
    output: z.string().min(1).meta(flag("folder to write the fine-tuned model to", "DIR")),
    overwrite: z.boolean().default(false).meta(flag("replace an output folder that is not empty")),
    ...dataOptions,
    task: z.enum(["classification", "regression", "masked-lm"]).default("classification").meta(flag("what is learned")),
    learningRate: numeric(z.coerce.number().positive())
      .optional()
      .meta(flag("highest learning rate (default: 3e-4 for nanoadam, 5e-5 for adamw)", "X")),
    epochs: numeric(z.coerce.number().positive())
      .optional()
      .meta(flag("passes over the training data (default: 3)", "N")),
    steps: count.optional().meta(flag("optimizer steps, instead of --epochs", "N")),
    accumulate: count.default(1).meta(flag("batches whose gradients make one step", "N")),
    schedule: z
      .enum(["linear", "cosine", "constant"])
      .default("linear")
      .meta(flag("how the learning rate falls after the warm-up")),
    warmup: numeric(z.coerce.number().min(0))
      .default(0)
      .meta(flag("warm-up steps, or their share of all steps if below 1", "X")),
    ...optimizerOptions,
    ...loraOptions,
    clip: numeric(z.coerce.number().min(0))
      .default(1)
      .meta(flag("largest norm of the gradients; 0 for no clipping", "X")),
    dropout: numeric(z.coerce.number().min(0).lt(1))
      .optional()
      .meta(flag("dropout rate instead of the model's own", "X")),
    labelSmoothing: numeric(z.coerce.number().min(0).lt(1))
      .default(0)
      .meta(flag("share of the target spread over all labels", "X")),
    classWeights: z
      .enum(["none", "balanced"])
      .default("none")
      .meta(flag("weights of the labels in the loss: equal, or inverse to their frequency")),
    weights: z
      .enum(weightStorages)
      .default("keep")
      .meta(
        flag(
          "how linear layers and embeddings are held: in bfloat16 what came in it, or all in one of these; selected entries keep their full precision",
        ),
      ),
    checkpointing: z
      .enum(["none", "stage"])
      .default("none")
      .meta(
        flag("keep all activations, or only each stage's input and compute the rest again: less memory, more time"),
      ),
    sampledBelow: numeric(z.coerce.number().min(0).max(1))
      .optional()
      .meta(
        flag("density up to which only the selected entries of a gradient are computed; 0: never (default: 0.12)", "X"),
      ),
    evalEvery: count.optional().meta(flag("steps between evaluations (default: every epoch)", "N")),
    logEvery: count.optional().meta(flag("steps between lines of metrics.jsonl (default: 1/100 of the run)", "N")),
    limitTrain: count.optional().meta(flag("use only the first N training rows", "N")),
    limitEval: count.optional().meta(flag("use only the first N evaluation rows", "N")),
    saveDtype: z
      .enum(["keep", "float32", "bfloat16", "float16"])
      .default("keep")
      .meta(flag("storage of the written weights: each as it came, or one of these")),
    fromScratch: z
      .boolean()
      .default(false)
      .meta(flag("start from random weights, with the checkpoint's configuration and tokenizer only")),
    seed: numeric(z.coerce.number().int().min(0)).default(42).meta(flag("seed of everything random", "N")),
  })
  .strict()
  .superRefine((options, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (options.epochs !== undefined && options.steps !== undefined) refuse("steps", "cannot go with --epochs");
    if (options.eval !== undefined && options.evalShare !== undefined) refuse("evalShare", "cannot go with --eval");
    if (options.task !== "masked-lm" && options.label === undefined) refuse("label", `is needed for ${options.task}`);
    if (options.task === "masked-lm" && options.text.length > 1) refuse("text", "is one column for masked-lm");
    if (options.warmup > 1 && !Number.isInteger(options.warmup)) {
      refuse("warmup", `is ${options.warmup}, expected a whole number of steps, or a share of them below 1`);
    }
    refuseUnfit(options, refuse);
  });

export const evaluateSchema = z
  .object({
    model: z.string().min(1).meta(flag("fine-tuned checkpoint folder", "DIR")),
    data: z.string().min(1).meta(flag("labelled data: .tsv, .csv, .jsonl, .json or .txt", "FILE")),
    ...dataOptions,
    limit: count.optional().meta(flag("use only the first N rows", "N")),
  })
  .strict();

export const predictSchema = z
  .object({
    model: z.string().min(1).meta(flag("fine-tuned checkpoint folder", "DIR")),
    data: z.string().min(1).optional().meta(flag("data to label", "FILE")),
    textPair: z.string().optional().meta(flag("the second text of a pair", '"..."')),
    ...dataOptions,
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

export type FinetuneOptions = z.output<typeof finetuneSchema>;
export type FinetuneInput = z.input<typeof finetuneSchema>;
export type EvaluateOptions = z.output<typeof evaluateSchema>;
export type EvaluateInput = z.input<typeof evaluateSchema>;
export type ExportInput = z.input<typeof exportSchema>;
export type PredictOptions = z.output<typeof predictSchema>;
export type PredictInput = z.input<typeof predictSchema>;
