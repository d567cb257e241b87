import { z } from "zod";
import { count, flag, numeric } from "./option-types.js";

const columns = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === "string" ? value.split(",") : value))
  .pipe(z.array(z.string().min(1)).min(1).max(2));

/** The examples of a run: where they are, and how they are read. */
export const dataSchema = z.object({
  train: z.string().min(1).meta(flag("training data: .tsv, .csv, .jsonl, .json or .txt", "FILE")),
  eval: z.string().min(1).optional().meta(flag("evaluation data", "FILE")),
  evalShare: numeric(z.coerce.number().gt(0).lt(1))
    .optional()
    .meta(flag("share of the training data held out when there is no --eval (default: 0.1)", "X")),
  text: columns.meta(flag("column of the text; two columns for pairs of texts", "COL[,COL2]")),
  label: z.string().min(1).optional().meta(flag("column of the label", "COL")),
  delimiter: z.string().min(1).optional().meta(flag("what separates fields, when not by the file's ending", "CHAR")),
  maxLength: count.optional().meta(flag("tokens of a text at most (default: the model's positions, at most 128)", "N")),
  limitTrain: count.optional().meta(flag("use only the first N training rows", "N")),
  limitEval: count.optional().meta(flag("use only the first N evaluation rows", "N")),
});

export type DataOptions = z.output<typeof dataSchema>;
