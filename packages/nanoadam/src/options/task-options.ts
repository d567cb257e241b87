/** The options of a run as far as its task has use for them, so that an editor refuses what a run would refuse. */
import type { TaskName } from "../tasks/registry.js";
import type { FinetuneInput } from "./finetune-options.js";

/** By task, the options that only some tasks take. A model of images is given `classification` or nothing, and is classified by. */
interface OptionsOfSomeTasks {
  readonly classification: "labelSmoothing" | "classWeights" | "augment";
  readonly "image-classification": "labelSmoothing" | "classWeights" | "augment";
  readonly "causal-lm": "lossOn" | "pack";
  readonly regression: never;
  readonly "multi-label": never;
  readonly "token-classification": never;
  readonly "masked-lm": never;
}

/** What a run is of where its options do not say. */
export type UnnamedTask = "classification" | "image-classification";

type SomeOption = OptionsOfSomeTasks[TaskName];

/** The options of a run for a task; of a `TaskName` that is not known before the program runs, all of them. */
export type FinetuneInputFor<Task extends TaskName> = Omit<FinetuneInput, "task" | SomeOption> & {
  /** What is learned; by default `classification`. */
  readonly task?: Task | undefined;
} & Pick<FinetuneInput, OptionsOfSomeTasks[Task]> & {
    readonly [Option in Exclude<SomeOption, OptionsOfSomeTasks[Task]>]?: undefined;
  };
