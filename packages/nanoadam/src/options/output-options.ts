import { z } from "zod";
import type { Row } from "../data/source.js";
import { flag, path } from "./option-types.js";
import { MissingOptionsError } from "./parse-options.js";

/** What a run writes, and where. */
export interface OutputInput {
  /** The folder to write the fine-tuned model to; by default `reviews-model` in the working directory for `reviews.csv`. */
  readonly output?: string | undefined;
  /** Replace an output folder that is not empty. By default false. */
  readonly overwrite?: boolean | undefined;
  /** How the weights are stored: each as it came (`keep`, the default), or all in one type. */
  readonly saveDtype?: "keep" | "float32" | "bfloat16" | "float16" | undefined;
  /** A folder for TensorBoard's event files, which are written as the run goes. */
  readonly tensorboard?: string | undefined;
  /**
   * Write a page about the run, at its end and where it is interrupted: to this file, or with `true` beside the output folder, as
   * `reviews-model-report.html`. An earlier report is replaced.
   */
  readonly report?: boolean | string | undefined;
}

export const outputSchema = z.object({
  output: path
    .optional()
    .meta(flag("folder to write the fine-tuned model to (default: reviews-model for reviews.csv)", "DIR")),
  overwrite: z.boolean().default(false).meta(flag("replace an output folder that is not empty")),
  saveDtype: z
    .enum(["keep", "float32", "bfloat16", "float16"])
    .default("keep")
    .meta(flag("storage of the written weights: each as it came, or one of these")),
  tensorboard: z.string().min(1).optional().meta(flag("folder to write TensorBoard's event files to", "DIR")),
  report: z
    .union([z.boolean(), z.string().min(1)], { error: "a file, or nothing" })
    .default(false)
    .meta(flag("write a page about the run (default file: reviews-model-report.html)", "FILE")),
});

export type OutputOptions = z.output<typeof outputSchema> & { readonly output: string };

/**
 * The folder for what comes of data, a model unless told: after their file, in the working directory.
 * @throws InputError for rows of a program, which have no name.
 */
export function outputNamedAfter(data: string | Iterable<Row>, what = "model"): string {
  if (typeof data !== "string") throw new MissingOptionsError("`output` is needed where `train` is rows");
  const file = data.split(/[\\/]/).at(-1) ?? "";
  return `${file.replace(/(?<=.)(\.[a-z]+)?(\.gz)?$/i, "")}-${what}`;
}
