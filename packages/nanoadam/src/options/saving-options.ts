import { z } from "zod";
import { count, flag, path } from "./option-types.js";

/** What is kept of a run while it goes on, and which of its weights are its result. */
export interface SavingInput {
  /**
   * Steps between checkpoints, or `epoch`; by default none are saved. They are in the output folder, under `checkpoints`, and
   * `resume` goes on from the last.
   */
  readonly saveEvery?: number | "epoch" | undefined;
  /** How many checkpoints are kept, the last; by default 2. The best, where `bestBy` asks for it, is kept too. */
  readonly keep?: number | undefined;
  /**
   * The figure of the evaluations, `loss` or a metric of the task, by which the best weights of the run are its result; by default
   * the last are. With `patience` alone it is `loss`.
   */
  readonly bestBy?: string | undefined;
  /** The run ends after so many evaluations that were no better than the best; by default it goes on. */
  readonly patience?: number | undefined;
}

export const savingSchema = z.object({
  saveEvery: z
    .union([count, z.literal("epoch")], { error: "a whole number of at least 1, or epoch" })
    .optional()
    .meta(flag("steps between checkpoints, or epoch; --resume goes on from the last (default: none)", "N")),
  keep: count.default(2).meta(flag("checkpoints that are kept, the last; the best is, too", "N")),
  bestBy: z
    .string()
    .optional()
    .meta(flag("write the weights that were best by this metric, or by loss (default: the last)", "METRIC")),
  patience: count.optional().meta(flag("end after so many evaluations that were no better than the best", "N")),
});

export type SavingOptions = z.output<typeof savingSchema>;

/** The figure that the best weights are chosen by; undefined where the last are the result. */
export function bestMetric({ bestBy, patience }: Pick<SavingOptions, "bestBy" | "patience">): string | undefined {
  return bestBy ?? (patience === undefined ? undefined : "loss");
}

/** Options that go on with a run instead of beginning one. */
export const resumeSchema = z.object({
  resume: path.optional().meta(flag("go on with the run whose checkpoints are in this output folder", "DIR")),
  allowChanged: z
    .boolean()
    .default(false)
    .meta(flag("go on although data or options are not those that it began with")),
});
