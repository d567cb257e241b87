/// <reference lib="esnext.disposable" preserve="true" />
/** A model that a program holds for as long as it likes, and asks from many places at a time. */
import type { Texts } from "../data/text/encoder.js";
import { InputError, shown } from "../errors.js";
import type { Outcome, OutcomesByTask, PredictingTask, TaskName } from "../tasks/registry.js";
import type { NoticeListener } from "../train/observer.js";
import { type OpenModel, type OpenModelOptions, openModel } from "./open-model.js";
import { encodeTexts, type Prediction, predictEncoded, predictorOf } from "./predict.js";

/** What a classifier says of a text: one of its labels. */
export interface Classification<Label extends string> {
  readonly label: Label;
  readonly probability: number;
  /** By label; they sum to 1. */
  readonly probabilities: Readonly<Record<Label, number>>;
}

export interface LoadModelOptions extends Omit<OpenModelOptions, "lossOn"> {
  /** The task that the model must be of; what it predicts is typed by it. By default any. */
  readonly task?: PredictingTask | undefined;
  /** The labels that a classifier must have, in any order; they come back typed. By default any. */
  readonly labels?: readonly string[] | undefined;
  /** Texts that are computed together at most; by default 32. */
  readonly batchSize?: number | undefined;
}

/** A fine-tuned model that is ready to answer; calls may overlap. */
export interface LoadedModel<Answer extends Outcome = Outcome> extends AsyncDisposable {
  readonly folder: string;
  /** What it was fine-tuned for, such as `classification`. */
  readonly task: TaskName;
  /** The labels of its classes, in the model's order; none where it tells no classes. */
  readonly labels: readonly string[];
  /** How many texts wait for their turn. */
  readonly waiting: number;
  /**
   * What the model says of each text, or pair of texts, in order. Texts of several calls that wait are computed together.
   * @throws InputError for what is no text, and after `close`
   */
  predict(texts: readonly (string | Texts)[]): Promise<(Texts & Answer)[]>;
  /** Answers what was asked before, and frees what the engine holds. */
  close(): Promise<void>;
}

/**
 * Loads a fine-tuned model once, to ask it often. `await using` closes it.
 *
 * `loadModel("model", { labels: ["refund", "delivery"] })` gives labels of the type `"refund" | "delivery"`, and
 * `loadModel("model", { task: "regression" })` numbers.
 *
 * A decoder is opened by `loadTextGenerator`.
 * @throws InputError where the folder is not whole or has no answer for texts, is of another task, or has other labels
 */
export async function loadModel<const Label extends string>(
  folder: string,
  options: LoadModelOptions & { readonly labels: readonly Label[]; readonly task?: "classification" | undefined },
  listener?: NoticeListener,
): Promise<LoadedModel<Classification<Label>>>;
export async function loadModel<Name extends PredictingTask = PredictingTask>(
  folder: string,
  options?: LoadModelOptions & { readonly task?: Name | undefined },
  listener?: NoticeListener,
): Promise<LoadedModel<OutcomesByTask[Name]>>;
export async function loadModel(
  folder: string,
  { task, labels, batchSize = 32, ...options }: LoadModelOptions = {},
  listener: NoticeListener = {},
): Promise<LoadedModel> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new InputError(`\`batchSize\` is ${shown(batchSize)}, expected a whole number of at least 1`);
  }
  const model = await openModel(folder, options, listener);
  try {
    predictorOf(model);
    requireExpected(model, task, labels);
  } catch (error) {
    await model.release();
    throw error;
  }
  return holdModel(model, batchSize);
}

/** @throws InputError for a model of another task, or with other labels */
function requireExpected(
  { folder, task: { name, classes } }: OpenModel,
  task: string | undefined,
  labels: readonly string[] | undefined,
): void {
  if (task !== undefined && task !== name) {
    throw new InputError(`${folder} is a ${name} checkpoint, expected one of ${task}`);
  }
  if (labels === undefined) return;
  const isSame = classes?.length === labels.length && classes.every((label) => labels.includes(label));
  if (isSame && name === "classification") return;
  const found = name === "classification" ? `has the labels ${quoted(classes ?? [])}` : `is a ${name} checkpoint`;
  throw new InputError(`${folder} ${found}, expected a classifier with ${quoted(labels)}`);
}

function quoted(labels: readonly string[]): string {
  return labels.map((label) => `"${label}"`).join(", ");
}

/** A text that waits for its turn. */
interface Waiting {
  readonly texts: Texts;
  readonly example: unknown;
  resolve(prediction: Prediction): void;
  reject(error: unknown): void;
}

function holdModel(model: OpenModel, batchSize: number): LoadedModel {
  const { folder, task } = model;
  const queue: Waiting[] = [];
  /** Calls whose texts are made tokens of, or wait. */
  const calls = new Set<Promise<unknown>>();
  let isComputing = false;
  let closing: Promise<void> | undefined;

  /** Whatever comes while a batch is computed goes into the next one together. */
  async function compute(): Promise<void> {
    if (isComputing) return;
    isComputing = true;
    while (queue.length > 0) {
      const batch = queue.splice(0, batchSize);
      try {
        const predictions = await predictEncoded(model, batch, { batchSize });
        for (const [place, prediction] of predictions.entries()) batch[place]?.resolve(prediction);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isComputing = false;
  }

  async function predictAll(texts: readonly Texts[]): Promise<Prediction[]> {
    const encoded = await encodeTexts(model, texts);
    const predictions = encoded.map(
      (each) => new Promise<Prediction>((resolve, reject) => queue.push({ ...each, resolve, reject })),
    );
    void compute();
    return Promise.all(predictions);
  }

  async function close(): Promise<void> {
    closing ??= Promise.allSettled(calls).then(() => model.release());
    return closing;
  }

  return {
    folder,
    task: task.name as TaskName,
    labels: task.classes ?? [],
    get waiting() {
      return queue.length;
    },
    async predict(texts) {
      if (closing !== undefined) throw new InputError(`the model of ${folder} was closed`);
      const call = predictAll(textsOf(texts));
      calls.add(call);
      return call.finally(() => calls.delete(call));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** @throws InputError for what is no list of texts and pairs */
function textsOf(given: unknown): Texts[] {
  if (!Array.isArray(given)) throw new InputError(`\`texts\` is ${shown(given)}, expected a list of texts`);
  return given.map((each: unknown, place) => {
    const texts = typeof each === "string" ? { text: each } : each;
    if (isTexts(texts)) return texts;
    throw new InputError(`text ${place + 1} is ${shown(each)}, expected a text, or an object with \`text\``);
  });
}

function isTexts(value: unknown): value is Texts {
  if (typeof value !== "object" || value === null || !("text" in value)) return false;
  const pair = "textPair" in value ? value.textPair : undefined;
  return typeof value.text === "string" && (pair === undefined || typeof pair === "string");
}
