import { z } from "zod";
import type { LossOn } from "../data/text/learned-text.js";
import { defaultTask, type TaskName, taskKind, taskNames } from "../tasks/registry.js";
import { flag } from "./option-types.js";

/** What is learned, and the loss that it is learned by. */
export interface ObjectiveInput {
  /** What is learned; by default `classification`. */
  readonly task?: TaskName | undefined;
  /** The fraction of the target that is spread over all labels; by default 0. */
  readonly labelSmoothing?: number | undefined;
  /** Weights of the labels in the loss: equal (`none`, the default), or inverse to their frequency (`balanced`). */
  readonly classWeights?: "none" | "balanced" | undefined;
  /**
   * Which tokens a decoder learns: of prompts with completions the `completion`, of conversations what the assistant writes, and
   * of plain text all (the default); `all` tokens; or what the `assistant` writes, in prompts too.
   */
  readonly lossOn?: LossOn | undefined;
}

/** What each task learns, and from which data, by their names. */
export const taskDescriptions: ReadonlyMap<string, string> = new Map(
  taskNames.map((name) => [name, taskKind(name).description]),
);

export const objectiveSchema = z.object({
  task: z.enum(taskNames).default(defaultTask).meta(flag("what is learned, of the tasks below", "NAME")),
  labelSmoothing: z.number().min(0).lt(1).default(0).meta(flag("fraction of the target spread over all labels", "X")),
  classWeights: z
    .enum(["none", "balanced"])
    .default("none")
    .meta(flag("weights of the labels in the loss: equal, or inverse to their frequency")),
  lossOn: z
    .enum(["completion", "all", "assistant"])
    .optional()
    .meta(
      flag("which tokens a decoder learns (default: completions, what the assistant writes, and plain text whole)"),
    ),
});

export type ObjectiveOptions = z.output<typeof objectiveSchema>;
