/** The options of what is done with a fine-tuned model: measuring it, predicting, merging an adapter. */
import { z } from "zod";
import type { Row } from "../data/source.js";
import type { LossOn } from "../data/text/learned-text.js";
import { type AnswerTaskName, answerTaskNames } from "../tasks/answer-tasks.js";
import { dataSchema, mostTokens, type TextInput } from "./data-options.js";
import { objectiveSchema } from "./objective-options.js";
import { count, countTo, data, flag, names, path } from "./option-types.js";
import { type BatchInput, mostTogether, trainingSchema } from "./training-options.js";

/** How texts are read and run, as in training. */
const textOptions = {
  ...dataSchema.pick({ text: true, label: true, delimiter: true }).shape,
  maxLength: countTo(mostTokens)
    .optional()
    .meta(flag("tokens of a text at most (default: as in the fine-tuning)", "N")),
  batchSize: countTo(mostTogether).default(32).meta(flag("examples that run together", "N")),
  ...trainingSchema.pick({ threads: true, engine: true }).shape,
};

/** How a fine-tuned checkpoint is measured. */
export interface EvaluateInput extends TextInput, BatchInput {
  /** The folder of the fine-tuned checkpoint. */
  readonly model: string;
  /** The labelled data, a file or rows, in the form of training data. */
  readonly data: string | Iterable<Row>;
  /** Use only so many rows, the first. */
  readonly limit?: number | undefined;
  /** Which tokens of a decoder's texts are measured; see `ObjectiveInput`. */
  readonly lossOn?: LossOn | undefined;
}

export const evaluateSchema = z
  .object({
    model: path.meta(flag("fine-tuned checkpoint folder", "DIR")),
    data: data.meta(flag("labelled data: .tsv, .csv, .jsonl, .json, .parquet, .txt or .conll", "FILE")),
    ...textOptions,
    limit: count.optional().meta(flag("use only the first N rows", "N")),
    ...objectiveSchema.pick({ lossOn: true }).shape,
  })
  .strict();

/** How a decoder's answers to the questions of a task are measured. */
export interface EvaluateAnswersInput extends BatchInput {
  /** The folder of the decoder. */
  readonly model: string;
  /** The questions: `commonsense/boolq` and the like in LLM-Adapters' layout, or `gsm8k`. */
  readonly task: AnswerTaskName;
  /** The file of questions with their answers, or rows. */
  readonly data: string | Iterable<Row>;
  /**
   * An answer is the likeliest of the choices (`likelihood`, the default where there are choices), or what is found in the text that
   * the model writes (`generation`).
   */
  readonly answerBy?: "likelihood" | "generation" | undefined;
  /** Use only so many questions, the first. */
  readonly limit?: number | undefined;
  /** Tokens of a question and its answer at most; by default the model's positions. Longer ones lose their beginning. */
  readonly maxLength?: number | undefined;
  /** What separates fields of .csv and .tsv; by default it is found from the header. */
  readonly delimiter?: string | undefined;
}

export const evaluateAnswersSchema = evaluateSchema
  .omit({ text: true, label: true, lossOn: true })
  .extend({
    task: z.enum(answerTaskNames).meta(flag("questions of a task: answers are right or wrong", "NAME")),
    answerBy: z
      .enum(["likelihood", "generation"])
      .optional()
      .meta(
        flag("with `task`, the likeliest choice, or what the model writes (default: likelihood; gsm8k: generation)"),
      ),
  })
  .strict()
  .superRefine(({ task, answerBy }, context) => {
    if (task !== "gsm8k" || answerBy !== "likelihood") return;
    context.addIssue({ code: "custom", path: ["answerBy"], message: "is generation for gsm8k, which has no choices" });
  });

/** What is predicted by a fine-tuned checkpoint: of one text or pair of texts, or of every row of a file. */
export interface PredictInput extends Omit<TextInput, "text" | "label">, BatchInput {
  /** The folder of the fine-tuned checkpoint. */
  readonly model: string;
  /** What to predict for, a file or rows. */
  readonly data?: string | Iterable<Row> | undefined;
  /**
   * The text itself; or with `data` its column, or two columns with a comma between them, which may be left out where the names of
   * the columns tell which is meant, or where there is only one.
   */
  readonly text?: string | undefined;
  /** The second text of a pair; not with `data`. */
  readonly textPair?: string | undefined;
  /** For models of images: one, or a folder of them; not with `data`. */
  readonly image?: string | undefined;
}

const predictFields = z
  .object({
    model: path.meta(flag("fine-tuned checkpoint folder", "DIR")),
    data: data.optional().meta(flag("data to label, or - for standard input", "FILE")),
    textPair: z.string().optional().meta(flag("the second text of a pair", '"..."')),
    image: z.string().min(1).optional().meta(flag("an image, or a folder of them", "FILE|DIR")),
    ...textOptions,
    text: z
      .string()
      .min(1)
      .optional()
      .meta(flag("the text itself, or with `data` its column or columns", '"..."|COL[,COL2]')),
  })
  .omit({ label: true })
  .strict();

export const predictSchema = predictFields.superRefine(({ data, image, text, textPair }, context) => {
  if (data === undefined && text === undefined && image === undefined) {
    const message = "is needed, or a file of `data`, or an `image`";
    context.addIssue({ code: "custom", path: ["text"], message });
  }
  if (image !== undefined && (data !== undefined || text !== undefined)) {
    const message = `cannot go with \`${data === undefined ? "text" : "data"}\``;
    context.addIssue({ code: "custom", path: ["image"], message });
  }
  if (data !== undefined && textPair !== undefined) {
    const message = "cannot go with `data`; name two columns in `text`";
    context.addIssue({ code: "custom", path: ["textPair"], message });
  }
});

export type PredictOptions = z.output<typeof predictSchema>;

/** Predictions for every row of a file, written to another beside what the rows have. */
export interface PredictFileInput extends Omit<PredictInput, "data" | "textPair" | "image"> {
  /** The file to predict for. */
  readonly data: string;
  /** The file to write: .csv, .tsv or .jsonl. */
  readonly output: string;
  /** Replace an output file that is there. By default false. */
  readonly overwrite?: boolean | undefined;
}

export const predictFileSchema = predictFields
  .omit({ textPair: true, image: true })
  .extend({
    data: path.meta(flag("data to label, or - for standard input", "FILE")),
    output: path.meta(
      flag("file to write all columns of `data` to, with the predictions: .csv, .tsv or .jsonl", "FILE"),
    ),
    overwrite: z.boolean().default(false).meta(flag("replace an output file that is there")),
  })
  .strict();

export const exportFormats = ["safetensors", "onnx", "gguf"] as const;
/** How the numbers of an exported model are held. */
export const exportDtypes = ["float32", "float16", "int8"] as const;
export type ExportDtype = (typeof exportDtypes)[number];

/** How a fine-tuned model is written for other programs. */
export interface ExportInput {
  /** The folder of the model or adapter. */
  readonly model: string;
  /** The folder of an adapter's base model; by default what adapter_config.json says. */
  readonly base?: string | undefined;
  /** "safetensors", the default: an adapter as a whole checkpoint. "onnx": what Transformers.js and ONNX Runtime load. "gguf": what llama.cpp loads. */
  readonly format?: (typeof exportFormats)[number] | undefined;
  /** Add an adapter to its base model's weights; needed for "safetensors", and what the others do anyway. */
  readonly merge?: boolean | undefined;
  /**
   * Of "onnx": "float32" (the default) gives `model.onnx`, "float16" `model_fp16.onnx`, "int8" `model_quantized.onnx`; of "gguf"
   * `model-f32.gguf`, `model-f16.gguf` and `model-q8_0.gguf`; several in a list, or with commas.
   */
  readonly dtype?: string | readonly string[] | undefined;
  /** The folder to write the model to. */
  readonly output: string;
  /** Replace an output folder that is not empty. By default false. */
  readonly overwrite?: boolean | undefined;
}

export const exportSchema = z
  .object({
    model: path.meta(flag("fine-tuned model or adapter folder", "DIR")),
    base: path.optional().meta(flag("an adapter's base (default: as adapter_config.json says)", "DIR")),
    format: z
      .enum(exportFormats)
      .default("safetensors")
      .meta(flag("a whole checkpoint of an adapter; or what Transformers.js and ONNX Runtime, or llama.cpp, load")),
    merge: z.boolean().default(false).meta(flag("add an adapter to the base model's weights")),
    dtype: names
      .default(["float32"])
      .pipe(z.array(z.enum(exportDtypes)).min(1))
      .transform((dtypes) => [...new Set(dtypes)])
      .meta(flag("of onnx and gguf: float32, float16, int8 or several with commas", "TYPE[,TYPE]")),
    output: path.meta(flag("folder to write the model to", "DIR")),
    overwrite: z.boolean().default(false).meta(flag("replace an output folder that is not empty")),
  })
  .strict()
  .superRefine(({ merge, format, dtype }, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (format !== "safetensors") return;
    if (!merge) refuse("merge", "is needed: an adapter is exported by adding it to its base model, or name a `format`");
    if (dtype.join() !== "float32") refuse("dtype", 'is of the `format` "onnx" or "gguf"');
  });
