/** Everything a run needs before its first step, checked: model, tokenizer, task, and examples as tokens. */

import { openModelFolder } from "../checkpoint/adapter.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { loadPretrained, type Pretrained, type WeightStorage } from "../checkpoint/pretrained.js";
import { type Example, labelMapOfTable, readExamples } from "../data/examples.js";
import type { LabelMap } from "../data/labels.js";
import { splitHeldOut } from "../data/split.js";
import { readTable } from "../data/tables/read-table.js";
import { requireColumn, requireField, type Table } from "../data/tables/table.js";
import { loadTokenizer, type TextTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import { defaultLoraTargets, type LoraOptions, withLora } from "../models/lora.js";
import type { Model } from "../models/model.js";
import type { AdapterOptions } from "../options/adapter-options.js";
import type { DataOptions } from "../options/data-options.js";
import type { FinetuneOptions } from "../options/finetune-options.js";
import type { ObjectiveOptions } from "../options/objective-options.js";
import { mayHoldBfloat16 } from "../options/optimizer-options.js";
import {
  classificationTask,
  type EncodedExample,
  maskedLmTask,
  regressionTask,
  type TextTask,
} from "../tasks/text-task.js";

export interface PreparedRun {
  readonly checkpoint: Checkpoint;
  readonly pretrained: Pretrained;
  readonly tokenizer: TextTokenizer;
  readonly task: TextTask;
  /** The task without label smoothing and class weights, so that evaluations of any run and of its result compare. */
  readonly evaluationTask: TextTask;
  /** Names of the classes, in classification. */
  readonly labels: LabelMap | undefined;
  readonly train: readonly EncodedExample[];
  readonly evaluation: readonly EncodedExample[];
  readonly maxLength: number;
  /** Texts that had more than `maxLength` tokens and were cut. */
  readonly truncated: number;
}

const defaultMaximumLength = 128;
const defaultEvaluationShare = 0.1;

/** A checkpoint's bfloat16 is kept only where nothing is lost by it: neither updates of whole tensors, nor wider results. */
function storageOfRun({
  model,
  optimizer,
  adapter,
  output,
}: Pick<FinetuneOptions, "model" | "optimizer" | "adapter" | "output">): WeightStorage {
  if (model.weights !== "keep") return model.weights;
  const isWrittenAsHeld = output.saveDtype === "keep" || output.saveDtype === "bfloat16";
  return isWrittenAsHeld && mayHoldBfloat16(optimizer, adapter) ? "keep" : "float32";
}

/** @throws InputError for whatever is wrong with the model, the data or their fit. */
export async function prepareRun(options: FinetuneOptions): Promise<PreparedRun> {
  const { model: folder, fromScratch } = options.model;
  const checkpoint = await openModelFolder(folder);
  try {
    const tokenizer = await loadTokenizer(folder);
    const { train: trainTexts, evaluation: evaluationTexts, labels } = await readTexts(options);
    const task = textTask(options.objective, tokenizer, labels, trainTexts);
    const evaluationTask = labels === undefined ? task : classificationTask({ labels, tokenizer });
    const pretrained = await loadPretrained(checkpoint, task.head, options.training.seed, {
      fromScratch,
      adapt: (model) => withAdapter(model, options.adapter),
      hold: storageOfRun(options),
    });
    requireTokenizerFits(tokenizer, pretrained.model, folder);
    const maxLength = maximumLength(options.data.maxLength, pretrained.model, tokenizer);
    const encoder = textEncoder(tokenizer, maxLength);
    return {
      checkpoint,
      pretrained,
      tokenizer,
      task,
      evaluationTask,
      labels,
      train: trainTexts.map(encoder.encode),
      evaluation: evaluationTexts.map(encoder.encode),
      maxLength,
      truncated: encoder.truncated(),
    };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** The model with the adapter that options ask for. */
function withAdapter(model: Model, options: AdapterOptions): Model {
  const lora = loraSettings(model, options);
  return lora === undefined ? model : withLora(model, lora);
}

/** The adapter that options ask for, everything settled; undefined without one. */
export function loraSettings(model: Model, options: AdapterOptions): LoraOptions | undefined {
  const { loraRank: rank, loraAlpha, loraDropout: dropout, loraTargets } = options;
  if (rank === undefined) return undefined;
  return { rank, alpha: loraAlpha ?? 2 * rank, dropout, targets: loraTargets ?? defaultLoraTargets(model) };
}

interface Texts {
  readonly train: readonly Example[];
  readonly evaluation: readonly Example[];
  readonly labels: LabelMap | undefined;
}

async function readTexts({
  data,
  objective,
  training,
}: Pick<FinetuneOptions, "data" | "objective" | "training">): Promise<Texts> {
  const tableOptions = data.delimiter === undefined ? {} : { delimiter: data.delimiter };
  const table = await readTable(data.train, tableOptions);
  const labels =
    objective.task === "classification" && data.label !== undefined ? labelMapOfTable(table, data.label) : undefined;
  const read = (from: Table, limit: number | undefined) =>
    examplesOf(from, { task: objective.task, ...data }, labels, limit);
  const train = read(table, data.limitTrain);
  if (data.eval !== undefined) {
    const evaluation = read(await readTable(data.eval, tableOptions), data.limitEval);
    return { train, evaluation, labels };
  }
  const split = splitHeldOut(train, data.evalShare ?? defaultEvaluationShare, training.seed, {
    stratified: objective.task === "classification",
  });
  return { train: split.train, evaluation: split.heldOut.slice(0, data.limitEval), labels };
}

/** The examples of a table for a task; masked-LM takes texts alone. */
export function examplesOf(
  table: Table,
  options: Pick<ObjectiveOptions, "task"> & Pick<DataOptions, "text" | "label">,
  labels: LabelMap | undefined,
  limit: number | undefined,
): Example[] {
  const { task } = options;
  const [first = "", second] = options.text;
  if (task === "masked-lm") {
    requireColumn(table, first);
    return table.rows.slice(0, limit).map((row) => ({ line: row.line, text: requireField(table, row, first) }));
  }
  return readExamples(table, {
    textColumns: second === undefined ? [first] : [first, second],
    labelColumn: options.label,
    task,
    labels,
    limit,
  });
}

function textTask(
  options: ObjectiveOptions,
  tokenizer: TextTokenizer,
  labels: LabelMap | undefined,
  train: readonly Example[],
): TextTask {
  if (options.task === "masked-lm") return maskedLmTask(tokenizer);
  if (options.task === "regression" || labels === undefined) return regressionTask(tokenizer);
  return classificationTask({
    labels,
    tokenizer,
    labelSmoothing: options.labelSmoothing,
    ...(options.classWeights === "balanced" ? { classWeights: balancedWeights(train, labels.names.length) } : {}),
  });
}

/** Weights inverse to a class's frequency, of mean 1 over the examples. */
function balancedWeights(examples: readonly Example[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label = 0 } of examples) counts[label] = (counts[label] ?? 0) + 1;
  return counts.map((count) => (count === 0 ? 0 : examples.length / (classes * count)));
}

/** @throws InputError when the tokenizer's ids exceed the embedding. */
export function requireTokenizerFits(tokenizer: TextTokenizer, model: Model, folder: string): void {
  if (tokenizer.vocabularySize > model.vocabularySize) {
    throw new InputError(
      `${folder}: tokenizer.json has ids up to ${tokenizer.vocabularySize - 1}, but the embedding has ${model.vocabularySize} rows (vocab_size in config.json)`,
    );
  }
}

/** @throws InputError for more tokens than the model has positions. */
export function maximumLength(asked: number | undefined, model: Model, tokenizer: TextTokenizer): number {
  const most = Math.min(model.maximumLength, tokenizer.maximumLength ?? model.maximumLength);
  if (asked === undefined) return Math.min(defaultMaximumLength, most);
  if (asked > model.maximumLength) {
    throw new InputError(`\`maxLength\` is ${asked}, expected at most the model's ${model.maximumLength} positions`);
  }
  return asked;
}

/** Encodes texts to at most `maxLength` tokens and counts those that were cut. */
export function textEncoder(tokenizer: TextTokenizer, maxLength: number) {
  let truncated = 0;
  return {
    encode: ({ text, textPair, label }: Omit<Example, "line">): EncodedExample => {
      const encoded = tokenizer.encode(text, textPair, maxLength);
      if (encoded.wasTruncated) truncated++;
      return label === undefined ? encoded : { ...encoded, label };
    },
    truncated: () => truncated,
  };
}
