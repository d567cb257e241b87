import { z } from "zod";
import { type TaskName, taskNames } from "../tasks/registry.js";
import { count, flag, path } from "./option-types.js";

/** What is measured beside the task: how much a model keeps of what it knew. */
export interface RetentionInput {
  /**
   * Data that say what the base model knows, a file or a folder of images. The body that is trained is measured on them with the
   * base model's own head, before the first step, at each evaluation, and in the end.
   */
  readonly retain?: string | undefined;
  /**
   * What the base model's head is for; by default what its configuration says, and of a backbone alone masked tokens (`masked-lm`)
   * or the next ones (`causal-lm`).
   */
  readonly retainTask?: TaskName | undefined;
  /** Use only so many rows of these data, the first. */
  readonly limitRetain?: number | undefined;
}

export const retentionSchema = z.object({
  retain: path
    .optional()
    .meta(
      flag("measure what the base model keeps on these data too, with its own head, before, during and after", "FILE"),
    ),
  retainTask: z
    .enum(taskNames)
    .optional()
    .meta(flag("what that head is for (default: what the base model was made for)", "NAME")),
  limitRetain: count.optional().meta(flag("use only the first N rows of `retain`", "N")),
});

export type RetentionOptions = z.output<typeof retentionSchema>;
