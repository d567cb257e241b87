import { z } from "zod";
import { flag } from "./option-types.js";

/** What is learned, and the loss that it is learned by. */
export interface ObjectiveInput {
  /** What is learned; by default `classification`. */
  readonly task?: "classification" | "regression" | "masked-lm" | undefined;
  /** The fraction of the target that is spread over all labels; by default 0. */
  readonly labelSmoothing?: number | undefined;
  /** Weights of the labels in the loss: equal (`none`, the default), or inverse to their frequency (`balanced`). */
  readonly classWeights?: "none" | "balanced" | undefined;
}

export const objectiveSchema = z.object({
  task: z.enum(["classification", "regression", "masked-lm"]).default("classification").meta(flag("what is learned")),
  labelSmoothing: z.number().min(0).lt(1).default(0).meta(flag("fraction of the target spread over all labels", "X")),
  classWeights: z
    .enum(["none", "balanced"])
    .default("none")
    .meta(flag("weights of the labels in the loss: equal, or inverse to their frequency")),
});

export type ObjectiveOptions = z.output<typeof objectiveSchema>;
