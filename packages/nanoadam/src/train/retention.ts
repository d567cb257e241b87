/** What a run keeps of what its base model knew: a set of examples, measured with the base model's own head. */
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { type ModelOnBody, requireOwnHead } from "../checkpoint/own-head.js";
import type { Dataset } from "../data/dataset.js";
import { openDataSource } from "../data/source.js";
import { defineModel } from "../models/architectures.js";
import type { Model } from "../models/model.js";
import type { DataOptions } from "../options/data-options.js";
import type { RetentionOptions } from "../options/retention-options.js";
import type { ModelFiles } from "../tasks/model-files.js";
import { openTaskData } from "../tasks/open-data.js";
import { taskKind, taskOfOwnHead } from "../tasks/registry.js";
import type { Task, TaskKind } from "../tasks/task.js";

/** What is measured, as it is known before weights are read. */
export interface ReferenceSet {
  /** The file or folder, as it was given. */
  readonly data: string;
  /** What the base model's head is for. */
  readonly task: Task;
  readonly dataset: Dataset;
  /** The model that the checkpoint was made as. */
  readonly base: Model;
}

/** What is measured, and by which model. */
export interface Retention extends ReferenceSet {
  readonly measured: ModelOnBody;
}

/**
 * The reference set that options ask for; undefined where they ask for none.
 * @throws InputError where the checkpoint has no such head, or the data are none for it.
 */
export async function readReferenceSet(
  { retain, retainTask, limitRetain }: RetentionOptions,
  { checkpoint, files, columns }: ReferenceContext,
): Promise<ReferenceSet | undefined> {
  if (retain === undefined) return undefined;
  const { config, folder } = checkpoint;
  const task = taskOfOwnHead(retainTask, config, `${folder}/config.json`, files);
  const base = defineModel(config, task.head);
  requireOwnHead(checkpoint, base, task.name);
  const kind = taskKind(task.name);
  const named = await columnsThere(kind, retain, columns);
  const source = await openTaskData(kind, retain, "retain", { ...named, limit: limitRetain });
  return { data: retain, task, dataset: await task.read(source), base };
}

interface ReferenceContext {
  readonly checkpoint: Pick<Checkpoint, "config" | "folder" | "entries">;
  readonly files: ModelFiles;
  /** How the run's own data are read. */
  readonly columns: Pick<DataOptions, "text" | "label" | "delimiter">;
}

/**
 * How a table is read: its texts are in the run's columns where it has them and the task takes so many; so are its labels, unless
 * it has a column that labels are usually called.
 */
async function columnsThere(
  { takes, mostTextColumns, usualColumns }: TaskKind,
  data: string,
  { text, label, delimiter }: ReferenceContext["columns"],
): Promise<Pick<DataOptions, "text" | "label" | "delimiter">> {
  if (takes === "images") return { delimiter };
  const source = await openDataSource(data, "retain", { text, label, delimiter });
  const { columns } = await source.table();
  const areThere = (names: readonly string[] = []) => names.length > 0 && names.every((name) => columns.includes(name));
  const isUsual = columns.some((column) => usualColumns?.label.includes(column.toLowerCase()));
  return {
    ...(areThere(source.text) && source.text.length <= mostTextColumns ? { text: [...source.text] } : {}),
    ...(areThere(source.label) && !isUsual ? { label: [...(source.label ?? [])] } : {}),
    delimiter,
  };
}
