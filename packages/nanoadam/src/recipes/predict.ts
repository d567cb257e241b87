import { dataSource } from "../data/source.js";
import type { Texts } from "../data/text/encoder.js";
import { InputError } from "../errors.js";
import { parseOptions } from "../options/parse-options.js";
import { type PredictInput, type PredictOptions, predictSchema } from "../options/saved-model-options.js";
import { type Outcome, taskKind } from "../tasks/registry.js";
import type { Predictor } from "../tasks/task.js";
import { forEachBatch } from "../train/evaluation.js";
import type { NoticeListener } from "../train/observer.js";
import { type OpenModel, openModel } from "./open-model.js";

/** A text, or pair of texts, with what is predicted of it: a label with its probability and those of all, or a number, ... */
export type Prediction = Texts & Outcome;

/**
 * Predictions for one text (or pair), or for every row of a file, in order.
 * @throws InputError for anything wrong with options, model or data.
 */
export async function predict(input: PredictInput, listener: NoticeListener = {}): Promise<Prediction[]> {
  const { predictions } = await predictAndFormat(input, listener);
  return predictions;
}

/** The predictions, and a function that gives one in a line: what is predicted, then the text. */
export async function predictAndFormat(
  input: PredictInput,
  listener: NoticeListener = {},
): Promise<{
  readonly predictions: Prediction[];
  format(prediction: Prediction): string;
}> {
  const {
    model: folder,
    data,
    text,
    textPair,
    batchSize,
    maxLength,
    threads,
    engine,
    delimiter,
  } = parseOptions(predictSchema, input);
  const model = await openModel(folder, { maxLength, threads, engine }, listener);
  try {
    const { mostTextColumns } = taskKind(model.task.name);
    if (textPair !== undefined && mostTextColumns < 2) {
      throw new InputError(`\`textPair\` cannot go with ${model.task.name}`);
    }
    const texts = data === undefined ? [textsOf(text, textPair)] : await textsOfFile(model, data, { text, delimiter });
    const predictions = await predictTexts(model, texts, { batchSize });
    const { format } = predictorOf(model);
    return {
      predictions,
      format: (prediction) =>
        `${format(prediction)}\t${[prediction.text, prediction.textPair].filter((part) => part !== undefined).join(" | ")}`,
    };
  } finally {
    await model.release();
  }
}

function textsOf(text = "", textPair: string | undefined): Texts {
  return textPair === undefined ? { text } : { text, textPair };
}

async function textsOfFile(
  model: OpenModel,
  file: string,
  { text, delimiter }: Pick<PredictOptions, "text" | "delimiter">,
): Promise<readonly Texts[]> {
  const predictor = predictorOf(model);
  const { hasUsualColumns, mostTextColumns } = taskKind(model.task.name);
  const columns = text?.split(",");
  if (columns === undefined && !hasUsualColumns) throw new InputError("`text` is needed");
  if (columns !== undefined && columns.length > mostTextColumns) {
    throw new InputError(`\`text\` is "${text}", expected one column${mostTextColumns > 1 ? " or two" : ""}`);
  }
  return predictor.texts(dataSource(file, { text: columns, delimiter }));
}

/**
 * Predictions of an opened model for texts, in their order. Calls may overlap.
 * @throws InputError for a model whose task has no answer for whole texts.
 */
export async function predictTexts(
  model: OpenModel,
  texts: readonly Texts[],
  { batchSize = 32 }: { readonly batchSize?: number } = {},
): Promise<Prediction[]> {
  const predictor = predictorOf(model);
  const examples = texts.map((each) => predictor.example(each));
  const dataset = predictor.dataset(examples);
  const predictions = new Array<Prediction>(texts.length);
  await forEachBatch(
    { task: model.task, dataset, batchSize, programs: model.predictionPrograms },
    ({ logits, indices }) => {
      const columns = logits.length / indices.length;
      for (const [row, index] of indices.entries()) {
        const own = logits.subarray(row * columns, (row + 1) * columns);
        predictions[index] = { ...(texts[index] as Texts), ...predictor.outcome(own, examples[index]) };
      }
    },
  );
  return predictions;
}

function predictorOf({ folder, task }: OpenModel): Predictor<unknown, Outcome> {
  if (task.predictor !== undefined) return task.predictor;
  throw new InputError(`${folder} is a ${task.name} checkpoint, which has nothing to predict for whole texts`);
}
