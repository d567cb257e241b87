import { z } from "zod";
import { flag } from "./option-types.js";

/** What a run writes, and where. */
export interface OutputInput {
  /** The folder to write the fine-tuned model to. */
  readonly output: string;
  /** Replace an output folder that is not empty. By default false. */
  readonly overwrite?: boolean | undefined;
  /** How the weights are stored: each as it came (`keep`, the default), or all in one type. */
  readonly saveDtype?: "keep" | "float32" | "bfloat16" | "float16" | undefined;
}

export const outputSchema = z.object({
  output: z.string().min(1).meta(flag("folder to write the fine-tuned model to", "DIR")),
  overwrite: z.boolean().default(false).meta(flag("replace an output folder that is not empty")),
  saveDtype: z
    .enum(["keep", "float32", "bfloat16", "float16"])
    .default("keep")
    .meta(flag("storage of the written weights: each as it came, or one of these")),
});

export type OutputOptions = z.output<typeof outputSchema>;
