/** What options are made of: numbers given as numbers or text, and what `--help` says of each. */
import { z } from "zod";

/** Number("") is 0, and so are Number(null) and Number([]); here they are no numbers. */
export const numeric = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess(
    (value) => (typeof value === "number" || (typeof value === "string" && value.trim() !== "") ? value : Number.NaN),
    schema,
  );

/** A whole number of at least 1. */
export const count = numeric(z.coerce.number().int().min(1));

/** What a value means, and what it looks like on the command line. */
export type Flag = { readonly hint?: string; readonly description: string };

export const flag = (description: string, hint?: string): Flag =>
  hint === undefined ? { description } : { description, hint };
