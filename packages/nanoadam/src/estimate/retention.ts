/** The part of a run's memory that measuring what it keeps takes. */
import { ownHeadParameters, requireOwnHead, withAdaptersOf } from "../checkpoint/own-head.js";
import type { Batch } from "../data/batch.js";
import { openDataSource, type Row } from "../data/source.js";
import type { TextEncoder } from "../data/text/encoder.js";
import { defineModel } from "../models/architectures.js";
import type { Model } from "../models/model.js";
import { textFiles } from "../tasks/model-files.js";
import { type TaskName, taskKind, taskOfOwnHead } from "../tasks/registry.js";
import type { Task } from "../tasks/task.js";
import { imaginedBatch, imaginedRows } from "./imagined-data.js";
import type { EstimatedRetention } from "./memory.js";
import type { EstimatedParameter } from "./optimizer-memory.js";
import { estimatedParameters, type HoldingOptions, type ModelSource } from "./parameters.js";

/** A reference set as far as its memory goes. */
export interface ImaginedReference {
  /** The model that the checkpoint was made as. */
  readonly base: Model;
  readonly loss: Task["loss"];
  readonly batch: Batch;
}

/**
 * A reference set of texts that are as long as they may be, for the head that a checkpoint brought.
 * @param size texts that run together
 * @throws InputError where the checkpoint has no such head
 */
export async function imaginedReference(
  name: TaskName,
  { config, folder, entries }: ModelSource,
  text: TextEncoder,
  size: number,
): Promise<ImaginedReference> {
  const task = taskOfOwnHead(name, config, `${folder}/config.json`, textFiles(text));
  const base = defineModel(config, task.head);
  if (entries !== undefined) requireOwnHead({ folder, entries }, base, name);
  const rows = imaginedRows(name, size, 1).map((row) => labelledAs(row, task.classes?.[0]));
  const label = taskKind(name).needsLabel ? ["label"] : undefined;
  const source = await openDataSource(rows, "retain", name === "token-classification" ? {} : { text: ["text"], label });
  const dataset = await task.read(source);
  return { base, loss: task.loss, batch: await imaginedBatch(task, dataset, size, text.maxLength) };
}

/** A row whose label, if it is a class, is of this name. */
function labelledAs(row: Row, name: string | undefined): Row {
  if (name === undefined || !("label" in row)) return row;
  return { ...row, label: Array.isArray(row.label) ? [name] : name };
}

/** @param run the model that is trained, and its parameters */
export function estimatedRetention(
  { base, loss, batch }: ImaginedReference,
  run: { readonly model: Model; readonly parameters: readonly EstimatedParameter[] },
  source: ModelSource,
  options: HoldingOptions,
): EstimatedRetention {
  const loaded = new Set(run.parameters.filter(({ isFresh }) => !isFresh).map(({ name }) => name));
  const own = new Set(ownHeadParameters(base, (name) => loaded.has(name)).map(({ name }) => name));
  const ownParameters = estimatedParameters(base, source, options).filter(({ name }) => own.has(name));
  return { model: withAdaptersOf(run.model, base), ownParameters, loss, batch };
}
