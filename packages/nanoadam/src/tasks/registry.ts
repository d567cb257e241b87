/** The tasks by name, from the most general on: a configuration is of the last task that it matches. */
import { InputError } from "../errors.js";
import { causalLm } from "./causal-lm.js";
import { classification } from "./classification.js";
import { maskedLm } from "./masked-lm.js";
import { multiLabel } from "./multi-label.js";
import { regression } from "./regression.js";
import type { Task, TaskContext, TaskKind } from "./task.js";
import { tokenClassification } from "./token-classification.js";

const kinds = [classification, regression, multiLabel, tokenClassification, maskedLm, causalLm] as const;

type Kind = (typeof kinds)[number];
export type TaskName = Kind["name"];
export const taskNames: readonly TaskName[] = kinds.map(({ name }) => name);
export const defaultTask: TaskName = classification.name;

type OutcomeOf<SomeKind> = SomeKind extends { fromConfig(...parameters: never[]): Task<infer _Example, infer Outcome> }
  ? Outcome
  : never;
/** What a prediction says of an example. */
export type Outcome = OutcomeOf<Kind>;
/** The same by task, of those that have something to say of whole texts. */
export type OutcomesByTask = {
  [SomeKind in Kind as [OutcomeOf<SomeKind>] extends [never] ? never : SomeKind["name"]]: OutcomeOf<SomeKind>;
};
export type PredictingTask = keyof OutcomesByTask;

/** @throws InputError for a name that no task has. */
export function taskKind(name: string): TaskKind {
  const kind = kinds.find((candidate) => candidate.name === name);
  if (kind === undefined) throw new InputError(`there is no task "${name}", expected one of ${taskNames.join(", ")}`);
  return kind;
}

/**
 * The task of a saved model.
 * @param file what messages call its configuration
 */
export function taskOfConfig(
  config: Readonly<Record<string, unknown>>,
  file: string,
  context: TaskContext,
): Task<unknown, Outcome> {
  const kind = kinds.toReversed().find(({ matches }) => matches(config)) ?? classification;
  return kind.fromConfig(config, file, context);
}
