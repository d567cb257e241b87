import { z } from "zod";
import { type Augmentation, augmentations } from "../data/images/augment.js";
import type { Row } from "../data/source.js";
import { columns, count, countTo, data, flag } from "./option-types.js";

/** How a file of texts is read. */
export interface TextInput {
  /**
   * The column of the text, or two columns for pairs of texts, as a list or with a comma between them. Of nested data it may be a
   * path, such as `review.body`. It may be left out where the names of the columns tell which is meant, or where there are only two.
   */
  readonly text?: string | readonly string[] | undefined;
  /**
   * The column of the label, or for tasks that take several the columns, as a list or with commas between them. It may be left out
   * as `text`.
   */
  readonly label?: string | readonly string[] | undefined;
  /** What separates fields of .csv and .tsv; by default it is found from the header, and a tab in .tsv. */
  readonly delimiter?: string | undefined;
  /** The most tokens of a text, longer ones are cut; by default the model's positions, but at most 128, for causal-lm 512. */
  readonly maxLength?: number | undefined;
}

/** The examples of a run: where they are, and how they are read. */
export interface DataInput extends TextInput {
  /**
   * The training data: a file (.tsv, .csv, .jsonl, .json, .parquet, .txt, or .conll for words with tags), or rows, which mean what
   * the same rows in a file of JSON would.
   */
  readonly train: string | Iterable<Row>;
  /** The evaluation data, a file or rows; by default a part of the training data is held out. */
  readonly eval?: string | Iterable<Row> | undefined;
  /** The fraction of the training data that is held out where there is no `eval`; by default 0.1, and up to 0.2 of small data. */
  readonly evalShare?: number | undefined;
  /**
   * What chance does to training images: nothing (`none`, the default), turning them about (`flip`), or also cutting out a part of
   * random size and proportions (`crop`).
   */
  readonly augment?: Augmentation | undefined;
  /** Put several short texts in one row of a batch, kept apart, so that little of it is padding; for causal-lm. By default false. */
  readonly pack?: boolean | undefined;
  /** Use only so many training rows, the first. */
  readonly limitTrain?: number | undefined;
  /** Use only so many evaluation rows, the first. */
  readonly limitEval?: number | undefined;
}

/** No model has more positions. */
export const mostTokens = 2 ** 20;

export const dataSchema = z.object({
  train: data.meta(flag("training data: .tsv, .csv, .jsonl, .json, .parquet, .txt or .conll", "FILE")),
  eval: data.optional().meta(flag("evaluation data", "FILE")),
  evalShare: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .meta(
      flag(
        "fraction of the training data held out when there is no `eval` (default: 0.1, up to 0.2 of small data)",
        "X",
      ),
    ),
  text: columns
    .pipe(z.array(z.string().min(1)).min(1).max(2))
    .optional()
    .meta(
      flag("column of the text (default: as the columns' names show); two columns for pairs of texts", "COL[,COL2]"),
    ),
  label: columns
    .pipe(z.array(z.string().min(1)).min(1))
    .optional()
    .meta(
      flag(
        "column of the label (default: as the columns' names show), or columns for tasks that take several",
        "COL[,COL2...]",
      ),
    ),
  delimiter: z
    .string()
    .min(1)
    .max(20)
    .optional()
    .meta(flag("what separates fields (default: as the header shows)", "CHAR")),
  maxLength: countTo(mostTokens)
    .optional()
    .meta(flag("tokens of a text at most (default: the model's positions, at most 128, of causal-lm 512)", "N")),
  augment: z
    .enum(augmentations)
    .default("none")
    .meta(flag("what chance does to training images: turns them about (flip), or cuts out a part too (crop)")),
  pack: z
    .boolean()
    .default(false)
    .meta(flag("put several short texts in one row of `maxLength` tokens, kept apart; for causal-lm")),
  limitTrain: count.optional().meta(flag("use only the first N training rows", "N")),
  limitEval: count.optional().meta(flag("use only the first N evaluation rows", "N")),
});

export type DataOptions = z.output<typeof dataSchema>;
