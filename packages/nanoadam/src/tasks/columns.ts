/** Which options a task takes of those that say where its data are and what its loss is. */
import { InputError } from "../errors.js";
import type { LossOption, TaskKind } from "./task.js";

/** Options as far as a task may refuse them. */
export interface ColumnOptions {
  readonly text?: readonly string[] | undefined;
  readonly label?: readonly string[] | undefined;
}

/** What a column of text is usually called, the plainest name first. */
export const usualTextColumns: readonly string[] = [
  "text",
  "sentence",
  "review",
  "message",
  "content",
  "question",
  "comment",
  "body",
  "tweet",
  "utterance",
  "query",
];

/** The options of columns that a task cannot be given, and what is wrong with each. */
export function* unfitColumns(
  { name, needsLabel, mostTextColumns, mostLabelColumns }: TaskKind,
  { text = [], label = [] }: ColumnOptions,
): Iterable<readonly [option: string, message: string]> {
  if (text.length > mostTextColumns) {
    yield ["text", `is ${mostTextColumns === 1 ? "one column" : `at most ${mostTextColumns} columns`} for ${name}`];
  }
  if (needsLabel && label.length > mostLabelColumns) yield ["label", `is one column for ${name}`];
}

/** @throws InputError for the first option of columns that a task cannot be given. */
export function requireFittingColumns(kind: TaskKind, options: ColumnOptions): void {
  for (const [option, message] of unfitColumns(kind, options)) throw new InputError(`\`${option}\` ${message}`);
}

/** The options of the loss that would change nothing, and that a task is therefore not given. */
export function* unfitLoss(
  { name, lossOptions }: TaskKind,
  {
    labelSmoothing,
    classWeights,
    lossOn,
  }: { readonly labelSmoothing: number; readonly classWeights: string; readonly lossOn?: string | undefined },
): Iterable<readonly [option: LossOption, message: string]> {
  const asked: Readonly<Record<LossOption, boolean>> = {
    labelSmoothing: labelSmoothing > 0,
    classWeights: classWeights !== "none",
    lossOn: lossOn !== undefined,
  };
  for (const option of ["labelSmoothing", "classWeights", "lossOn"] as const) {
    if (asked[option] && !lossOptions.includes(option)) yield [option, `cannot go with ${name}`];
  }
}
