/** Using a fine-tuned checkpoint: measuring it on labelled data, and predicting. */
import { Arena } from "@nanoadam/engine";
import { cpuRuntime, defaultThreads } from "@nanoadam/engine/node";
import { openModelFolder } from "../checkpoint/adapter.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { loadPretrained, type Pretrained } from "../checkpoint/pretrained.js";
import { readExamples } from "../data/examples.js";
import { createLabelMap, type LabelMap, labelMapFromConfig } from "../data/labels.js";
import { readTable } from "../data/tables/read-table.js";
import { requireColumn } from "../data/tables/table.js";
import { loadTokenizer, type TextTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import { type EvaluateInput, evaluateSchema, type PredictInput, predictSchema } from "../options/options.js";
import { parseOptions } from "../options/parse-options.js";
import { Programs } from "../program/program-cache.js";
import { argmax, classificationTask, maskedLmTask, regressionTask, type TextTask } from "../tasks/text-task.js";
import { type Evaluation, evaluateModel, forEachBatch } from "../train/evaluation.js";
import { examplesOf, maximumLength, requireTokenizerFits, textEncoder } from "../train/prepare.js";

/** A checkpoint with its head, ready to run. */
export interface FineTuned {
  readonly folder: string;
  readonly pretrained: Pretrained;
  readonly tokenizer: TextTokenizer;
  readonly task: TextTask;
  readonly labels: LabelMap | undefined;
  readonly programs: Programs;
}

/** One prediction: a label with its probability and those of all labels, or a number. */
export type Prediction =
  | {
      readonly text: string;
      readonly textPair?: string;
      readonly label: string;
      readonly probability: number;
      readonly probabilities: Readonly<Record<string, number>>;
    }
  | { readonly text: string; readonly textPair?: string; readonly value: number };

export interface EvaluationReport {
  readonly task: string;
  readonly examples: number;
  readonly truncated: number;
  readonly evaluation: Evaluation;
}

/**
 * Opens a fine-tuned checkpoint folder.
 * @throws InputError when it has no head: then it must be fine-tuned first.
 */
export async function openFineTuned(folder: string, threads: number | undefined): Promise<FineTuned> {
  const checkpoint = await openModelFolder(folder);
  try {
    const tokenizer = await loadTokenizer(folder);
    const { task, labels } = taskOf(checkpoint, tokenizer);
    const pretrained = await loadPretrained(checkpoint, task.head, 0);
    if (pretrained.initialised.length > 0) {
      throw new InputError(
        `${folder} has no ${task.name} head (${pretrained.initialised.join(", ")} missing); run nanoadam finetune first`,
      );
    }
    requireTokenizerFits(tokenizer, pretrained.model, folder);
    const programs = new Programs({
      model: pretrained.model,
      objective: task.objective,
      weights: pretrained.weights,
      runtime: cpuRuntime({ threads: threads ?? defaultThreads() }),
      arena: new Arena(),
    });
    return { folder, pretrained, tokenizer, task, labels, programs };
  } finally {
    await checkpoint.close();
  }
}

/** The task that a fine-tuned checkpoint's configuration describes, and its labels. */
export function taskOf(
  checkpoint: Checkpoint,
  tokenizer: TextTokenizer,
): { task: TextTask; labels: LabelMap | undefined } {
  const { config } = checkpoint;
  const architecture = Array.isArray(config.architectures) ? String(config.architectures[0]) : "";
  if (architecture.endsWith("ForMaskedLM")) return { task: maskedLmTask(tokenizer), labels: undefined };
  const named = labelMapFromConfig(config, `${checkpoint.folder}/config.json`);
  const count = named?.names.length ?? numberOfLabels(config);
  if (config.problem_type === "regression" || count === 1)
    return { task: regressionTask(tokenizer), labels: undefined };
  const labels = named ?? createLabelMap(Array.from({ length: count }, (_, label) => `LABEL_${label}`));
  return { task: classificationTask({ labels, tokenizer }), labels };
}

/** As Hugging Face counts them where labels have no names of their own: 2 unless told otherwise. */
function numberOfLabels(config: Readonly<Record<string, unknown>>): number {
  if (typeof config.num_labels === "number") return config.num_labels;
  const names = config.id2label;
  return typeof names === "object" && names !== null ? Object.keys(names).length : 2;
}

/** Loss and metrics of a fine-tuned checkpoint on labelled data. */
export async function evaluate(input: EvaluateInput): Promise<EvaluationReport> {
  const options = parseOptions(evaluateSchema, input);
  const { pretrained, tokenizer, task, labels, programs } = await openFineTuned(options.model, options.threads);
  if (task.name !== "masked-lm" && options.label === undefined) throw new InputError("--label is needed");
  const table = await readTable(options.data, options.delimiter === undefined ? {} : { delimiter: options.delimiter });
  const { text, label, limit } = options;
  const encoder = textEncoder(tokenizer, maximumLength(options.maxLength, pretrained.model, tokenizer));
  const examples = examplesOf(table, { task: task.name, text, label }, labels, limit).map(encoder.encode);
  const evaluation = await evaluateModel({
    model: pretrained.model,
    task,
    examples,
    batchSize: options.batchSize,
    programs,
    seed: 0,
  });
  await programs.release();
  return { task: task.name, examples: examples.length, truncated: encoder.truncated(), evaluation };
}

/** Predictions for one text (or pair), or for every row of a file, in order. */
export async function predict(input: PredictInput): Promise<Prediction[]> {
  const options = parseOptions(predictSchema, input);
  const fineTuned = await openFineTuned(options.model, options.threads);
  const texts =
    options.data === undefined ? [textsOf(options.text, options.textPair)] : await rowsOf(options.data, options);
  const predictions = await predictTexts(fineTuned, texts, options);
  await fineTuned.programs.release();
  return predictions;
}

interface Texts {
  readonly text: string;
  readonly textPair?: string;
}

function textsOf(text: string, textPair: string | undefined): Texts {
  return textPair === undefined ? { text } : { text, textPair };
}

async function rowsOf(
  file: string,
  options: { readonly text: string; readonly delimiter?: string | undefined },
): Promise<Texts[]> {
  const table = await readTable(file, options.delimiter === undefined ? {} : { delimiter: options.delimiter });
  const [first = "", second, third] = options.text.split(",");
  if (third !== undefined) throw new InputError(`--text is "${options.text}", expected one column or two`);
  requireColumn(table, first);
  return readExamples(table, {
    textColumns: second === undefined ? [first] : [first, second],
    task: "classification",
  }).map(({ text, textPair }) => textsOf(text, textPair));
}

/** Predictions for texts, in their order. */
export async function predictTexts(
  { folder, pretrained, tokenizer, task, labels, programs }: FineTuned,
  texts: readonly Texts[],
  options: { readonly maxLength?: number | undefined; readonly batchSize: number },
): Promise<Prediction[]> {
  if (task.name === "masked-lm") {
    throw new InputError(`${folder} is a masked-lm checkpoint, which has nothing to predict for whole texts`);
  }
  const { model } = pretrained;
  const encoder = textEncoder(tokenizer, maximumLength(options.maxLength, model, tokenizer));
  const examples = texts.map(encoder.encode);
  const predictions = new Array<Prediction>(texts.length);
  await forEachBatch(
    { model, task, examples, batchSize: options.batchSize, programs, seed: 0 },
    (logits, _batch, _loss, indices) => {
      const columns = logits.length / indices.length;
      for (const [row, index] of indices.entries()) {
        const own = logits.subarray(row * columns, (row + 1) * columns);
        predictions[index] = { ...(texts[index] as Texts), ...outcome(own, labels) };
      }
    },
  );
  return predictions;
}

function outcome(logits: Float32Array, labels: LabelMap | undefined) {
  if (labels === undefined) return { value: logits[0] ?? Number.NaN };
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const best = argmax(logits);
  const nameOf = (label: number) => labels.names[label] ?? String(label);
  return {
    label: nameOf(best),
    probability: (powers[best] ?? 0) / total,
    probabilities: Object.fromEntries(powers.map((power, label) => [nameOf(label), power / total])),
  };
}
