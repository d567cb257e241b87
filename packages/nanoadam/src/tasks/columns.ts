/** Which options a task takes of those that say where its data are and what its loss is. */
import { InputError } from "../errors.js";
import type { LossOption, TaskKind } from "./task.js";

/** Options as far as a task may refuse them. */
export interface ColumnOptions {
  readonly text?: readonly string[] | undefined;
  readonly label?: readonly string[] | undefined;
}

/** The options of columns that a task cannot be given, or lacks, and what is wrong with each. */
export function* unfitColumns(
  { name, needsLabel, mostTextColumns, mostLabelColumns, hasUsualColumns }: TaskKind,
  { text, label }: ColumnOptions,
): Iterable<readonly [option: string, message: string]> {
  if (!hasUsualColumns && text === undefined) yield ["text", "is needed"];
  if (needsLabel && !hasUsualColumns && label === undefined) yield ["label", `is needed for ${name}`];
  if (text !== undefined && text.length > mostTextColumns) {
    yield ["text", `is ${mostTextColumns === 1 ? "one column" : `at most ${mostTextColumns} columns`} for ${name}`];
  }
  if (needsLabel && label !== undefined && label.length > mostLabelColumns) {
    yield ["label", `is one column for ${name}`];
  }
}

/** @throws InputError for the first option of columns that a task cannot be given, or lacks. */
export function requireFittingColumns(kind: TaskKind, options: ColumnOptions): void {
  for (const [option, message] of unfitColumns(kind, options)) throw new InputError(`\`${option}\` ${message}`);
}

/** The options of the loss that would change nothing, and that a task is therefore not given. */
export function* unfitLoss(
  { name, lossOptions }: TaskKind,
  { labelSmoothing, classWeights }: { readonly labelSmoothing: number; readonly classWeights: string },
): Iterable<readonly [option: LossOption, message: string]> {
  const asked = { labelSmoothing: labelSmoothing > 0, classWeights: classWeights !== "none" };
  for (const option of ["labelSmoothing", "classWeights"] as const) {
    if (asked[option] && !lossOptions.includes(option)) yield [option, `cannot go with ${name}`];
  }
}
