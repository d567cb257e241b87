import { z } from "zod";
import { flag, numeric } from "./option-types.js";

/** What is learned, and the loss that it is learned by. */
export const objectiveSchema = z.object({
  task: z.enum(["classification", "regression", "masked-lm"]).default("classification").meta(flag("what is learned")),
  labelSmoothing: numeric(z.coerce.number().min(0).lt(1))
    .default(0)
    .meta(flag("share of the target spread over all labels", "X")),
  classWeights: z
    .enum(["none", "balanced"])
    .default("none")
    .meta(flag("weights of the labels in the loss: equal, or inverse to their frequency")),
});

export type ObjectiveOptions = z.output<typeof objectiveSchema>;
