/** Everything a run needs before its first step, checked: model with weights, its files, task and data sets. */
import { openModelFolder } from "../checkpoint/adapter.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { withOwnHead } from "../checkpoint/own-head.js";
import { loadPretrained, type Pretrained, type WeightStorage } from "../checkpoint/pretrained.js";
import { type Dataset, sizesOf, subset } from "../data/dataset.js";
import { takeTurn } from "../data/in-turns.js";
import { hasSameClasses, unnamedClassesNote } from "../data/labels.js";
import { packed, planRows } from "../data/pack.js";
import { type DataSource, openDataSource } from "../data/source.js";
import { splitHeldOut } from "../data/split.js";
import { defineBackbone } from "../models/architectures.js";
import { defaultLoraTargets, type LoraOptions, withLora } from "../models/lora.js";
import type { Model } from "../models/model.js";
import type { AdapterOptions } from "../options/adapter-options.js";
import type { DataOptions } from "../options/data-options.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import { mayHoldBfloat16 } from "../options/optimizer-options.js";
import { loadModelFiles, type ModelFiles } from "../tasks/model-files.js";
import { openTaskData } from "../tasks/open-data.js";
import { taskKind, taskKindFor, taskOfData } from "../tasks/registry.js";
import type { Task } from "../tasks/task.js";
import { type DataReport, reportOfData } from "./data-report.js";
import { type ReferenceSet, type Retention, readReferenceSet } from "./retention.js";
import { heldOutShare } from "./settle.js";

/** What is known of a run before its weights are read. */
export interface KnownRun {
  readonly checkpoint: Checkpoint;
  readonly files: ModelFiles;
  /** As it is evaluated. */
  readonly task: Task;
  /** With what only training has in its loss. */
  readonly trainingTask: Task;
  readonly train: Dataset;
  readonly evaluation: Dataset;
  /** Tokens of a text, or pixels of an image, at most. */
  readonly maxLength: number;
  /** What the base model is to keep. */
  readonly reference?: ReferenceSet;
}

export interface PreparedRun extends KnownRun {
  readonly pretrained: Pretrained;
  /** The same, with the model that measures it. */
  readonly retention?: Retention;
  readonly data: DataReport;
  /** The columns that text and label were read from. */
  readonly columns: Pick<DataSource, "text" | "label">;
}

/** A checkpoint's bfloat16 is kept only where nothing is lost by it: neither updates of whole tensors, nor wider results. */
export function storageOfRun({
  model,
  optimizer,
  adapter,
  output,
}: Pick<FinetuneOptions, "model" | "optimizer" | "adapter"> & {
  readonly output: Pick<FinetuneOptions["output"], "saveDtype">;
}): WeightStorage {
  if (model.weights !== "keep") return model.weights;
  const isWrittenAsHeld = output.saveDtype === "keep" || output.saveDtype === "bfloat16";
  return isWrittenAsHeld && mayHoldBfloat16(optimizer, adapter) ? "keep" : "float32";
}

/** Who is told, and may object, while a run is prepared. */
export interface PreparationControl {
  /** Told what is fetched. */
  readonly tell?: (notice: string) => void;
  /** Called when all but the weights is read. */
  readonly beforeWeights?: (run: KnownRun) => Promise<void>;
}

/** @throws InputError for whatever is wrong with the model, the data or their fit. */
export async function prepareRun(
  options: FinetuneOptions,
  { tell, beforeWeights }: PreparationControl = {},
): Promise<PreparedRun> {
  const { model: folder, fromScratch } = options.model;
  const { seed } = options.training;
  const { task: taskName, ...objective } = options.objective;
  const checkpoint = await openModelFolder(folder, undefined, tell);
  try {
    const { input } = defineBackbone(checkpoint.config);
    const { maxLength: asked, augment } = options.data;
    const usual = taskKind(taskName).usualLength ?? 128;
    const files = await loadModelFiles(input, checkpoint.tokenizerFolder, { asked, folder, usual });
    const kind = taskKindFor(taskName, files);
    const columns = { ...options.data, label: kind.needsLabel ? options.data.label : undefined };
    const source = await openTaskData(kind, options.data.train, "train", {
      ...columns,
      limit: options.data.limitTrain,
    });
    const task = await taskOfData(kind, source, files, { config: checkpoint.config, augment, ...objective });
    const { train: plain, evaluation, notes } = await splitData(source, task, options.data, seed);
    await takeTurn();
    const train = plain.forTraining?.() ?? plain;
    const trainingTask = (await task.forTraining?.(train)) ?? task;
    const learned = packedRows(task, train, { ...options.data, seed, maxLength: files.maximumSize });
    const reference = await readReferenceSet(options.retention, { checkpoint, files, columns: options.data });
    const known: KnownRun = {
      ...{ checkpoint, files, task, trainingTask, evaluation },
      train: learned.dataset,
      maxLength: files.maximumSize,
      ...(reference === undefined ? {} : { reference }),
    };
    await takeTurn();
    await beforeWeights?.(known);
    const pretrained = await loadPretrained(checkpoint, task.head, seed, {
      fromScratch,
      freshHead: !hasSameClasses(checkpoint.config, task.config()),
      adapt: (model) => withAdapter(model, options.adapter),
      hold: storageOfRun(options),
    });
    const retention = reference && {
      ...reference,
      measured: await withOwnHead(checkpoint, reference.base, pretrained, storageOfRun(options)),
    };
    await takeTurn();
    return {
      ...known,
      ...(retention === undefined ? {} : { retention }),
      pretrained,
      columns: { text: source.text, label: source.label },
      data: reportOfData({
        notes: [...new Set(notes), ...learned.notes, ...headNotes(checkpoint, pretrained, task)],
        task,
        train,
        evaluation,
        maxLength: files.maximumSize,
        limit: options.data.limitTrain,
        hasOwnEvaluation: options.data.eval !== undefined,
      }),
    };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** What should be said of a head that the checkpoint brought: what it is taken for, or why another is drawn. */
function headNotes(checkpoint: Checkpoint, { model, sources, misfits }: Pretrained, task: Task): string[] {
  const [misfit] = misfits;
  if (misfit !== undefined) {
    const { entry, expected } = misfit;
    return [
      `the checkpoint's head is of another size (${entry.name} has ${entry.shape[0]} rows, not ${expected[0]}): a new one is drawn`,
    ];
  }
  if (!hasSameClasses(checkpoint.config, task.config())) {
    return ["the checkpoint's classes have other names than the data's: a new head is drawn"];
  }
  const hasHead = model.parameters.some(({ name, role }) => role === "head" && sources.has(name));
  const note = hasHead ? unnamedClassesNote(checkpoint.config, task.config()) : undefined;
  return note === undefined ? [] : [note];
}

/** What is trained on and what is evaluated on: a file of its own, or a part of the training data. */
export async function splitData(
  source: DataSource,
  task: Task,
  { eval: data, evalShare, limitEval, delimiter }: Pick<DataOptions, "eval" | "evalShare" | "limitEval" | "delimiter">,
  seed: number,
): Promise<{ readonly train: Dataset; readonly evaluation: Dataset; readonly notes: readonly string[] }> {
  const all = await task.read(source);
  const notes = await source.notes();
  if (data !== undefined) {
    const { text, label, nested } = source;
    const held = await openDataSource(data, "eval", { text, label, nested, delimiter, limit: limitEval });
    const evaluation = await task.read(held);
    return { train: all, evaluation, notes: [...notes, ...(await held.notes())] };
  }
  await takeTurn();
  const { train, heldOut } = splitHeldOut(all, evalShare ?? heldOutShare(all.length), seed);
  await takeTurn();
  return { train: subset(all, train), evaluation: subset(all, heldOut.slice(0, limitEval)), notes };
}

/** What steps learn from: examples, or rows of several of them, and what should be said of those. */
function packedRows(
  { merge }: Task,
  train: Dataset,
  { pack, seed, maxLength }: { readonly pack: boolean; readonly seed: number; readonly maxLength: number },
): { readonly dataset: Dataset; readonly notes: readonly string[] } {
  if (!pack || merge === undefined) return { dataset: train, notes: [] };
  const sizes = sizesOf(train);
  const rows = planRows(sizes, { capacity: maxLength, seed });
  const share = sizes.reduce((sum, size) => sum + size, 0) / (rows.length * maxLength);
  const note = `${train.length} training texts are packed into ${rows.length} rows of ${maxLength} tokens, ${Math.round(100 * share)} % full`;
  return { dataset: packed(train, rows, merge), notes: [note] };
}

/** The model with the adapter that options ask for. */
export function withAdapter(model: Model, options: AdapterOptions): Model {
  const lora = loraSettings(model, options);
  return lora === undefined ? model : withLora(model, lora);
}

/** The adapter that options ask for, everything settled; undefined without one. */
export function loraSettings(model: Model, options: AdapterOptions): LoraOptions | undefined {
  const { loraRank: rank, loraAlpha, loraDropout: dropout, loraTargets, useRslora, useDora } = options;
  if (rank === undefined) return undefined;
  return {
    rank,
    alpha: loraAlpha ?? 2 * rank,
    dropout,
    ...(useRslora ? { useRslora } : {}),
    ...(useDora ? { useDora } : {}),
    targets: loraTargets ?? defaultLoraTargets(model),
  };
}
