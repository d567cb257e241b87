import { mapInTurns } from "../data/in-turns.js";
import { type DataSource, openDataSource, textSource } from "../data/source.js";
import type { Texts } from "../data/text/encoder.js";
import { AbortError, InputError } from "../errors.js";
import { readStandardInput } from "../files/standard-input.js";
import { parseOptions } from "../options/parse-options.js";
import { type PredictInput, type PredictOptions, predictSchema } from "../options/saved-model-options.js";
import { chooseTextColumn } from "../tasks/choose-columns.js";
import { type Outcome, taskKind } from "../tasks/registry.js";
import type { Predictor, TaskKind } from "../tasks/task.js";
import { forEachBatch } from "../train/evaluation.js";
import type { StopSignal } from "../train/loop.js";
import type { NoticeListener } from "../train/observer.js";
import { type OpenModel, openModel } from "./open-model.js";

/** A text, or pair of texts, with what is predicted of it: a label with its probability and those of all, or a number, ... */
export type Prediction = Texts & Outcome;

/** Where texts may come from, who looks on, and what may end the work. */
export interface PredictControl extends NoticeListener {
  /** What `data` of "-" reads; by default the process's. */
  readonly standardInput?: AsyncIterable<Uint8Array | string>;
  /** Called now and then with how many of the texts have a prediction. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Once aborted, the work ends after the batch under way. */
  readonly signal?: StopSignal;
}

/** Predictions for some of the texts, in order. */
export interface PredictionBlock {
  /** The place of its first text among all. */
  readonly first: number;
  readonly predictions: readonly Prediction[];
}

/** What predictions are of, and how they are told. */
export interface PredictionContext {
  /** The file; absent for a text that was given itself. */
  readonly source: DataSource | undefined;
  readonly texts: readonly Texts[];
  readonly predictor: Predictor<unknown, Outcome>;
}

/**
 * Predictions for one text (or pair), or for every row of data, in order.
 * @throws InputError for anything wrong with options, model or data.
 */
export async function predict(input: PredictInput, control: PredictControl = {}): Promise<Prediction[]> {
  const { predictions } = await predictAndFormat(input, control);
  return predictions;
}

/** The predictions, and a function that gives one in a line: what is predicted, then the text. */
export async function predictAndFormat(
  input: PredictInput,
  control: PredictControl = {},
): Promise<{
  readonly predictions: Prediction[];
  format(prediction: Prediction): string;
}> {
  const predictions: Prediction[] = [];
  const receive = async (block: PredictionBlock) => void predictions.push(...block.predictions);
  const { predictor } = await predictInBlocks(input, receive, control);
  return { predictions, format: (prediction) => formatPrediction(prediction, predictor) };
}

/** A prediction in one line: what is predicted, then the text with its line breaks and tabs as spaces. */
export function formatPrediction(prediction: Prediction, predictor: Predictor<unknown, Outcome>): string {
  const texts = [prediction.text, prediction.textPair].filter((part) => part !== undefined).join(" | ");
  return `${predictor.format(prediction)}\t${texts.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")}`;
}

/** Batches of a block: enough that rows of like lengths find each other. */
const batchesOfBlock = 8;

/**
 * Predicts for one text, or for every row of a file, and hands out what there is block after block, in order.
 * @throws InputError for anything wrong with options, model or data.
 * @throws AbortError once the signal is aborted.
 */
export async function predictInBlocks(
  input: PredictInput,
  receive: (block: PredictionBlock, context: PredictionContext) => Promise<void>,
  control: PredictControl = {},
): Promise<PredictionContext> {
  const options = parseOptions(predictSchema, input);
  const { batchSize } = options;
  const model = await openModel(options.model, options, control);
  try {
    const context = await openTexts(model, options, control);
    const { texts } = context;
    const size = batchSize * batchesOfBlock;
    for (let first = 0; first < texts.length; first += size) {
      const predictions = await predictTexts(model, texts.slice(first, first + size), {
        batchSize,
        onBatch(done) {
          control.onProgress?.(first + done, texts.length);
          requireGoingOn(control.signal, first + done, texts.length);
        },
      });
      await receive({ first, predictions }, context);
    }
    return context;
  } finally {
    await model.release();
  }
}

function requireGoingOn(signal: StopSignal | undefined, done: number, total: number): void {
  if (signal?.aborted !== true) return;
  throw new AbortError(`interrupted after ${done} of ${total} texts`, signal.reason);
}

async function openTexts(
  model: OpenModel,
  { data, text, textPair, delimiter }: PredictOptions,
  { standardInput = process.stdin, onNotice }: PredictControl,
): Promise<PredictionContext> {
  const predictor = predictorOf(model);
  const kind = taskKind(model.task.name);
  if (textPair !== undefined) requirePairs(model);
  if (data === undefined) {
    const texts = [{ text: text ?? "", ...(textPair === undefined ? {} : { textPair }) }];
    return { source: undefined, texts, predictor };
  }
  const named =
    data === "-"
      ? sourceOfLines(await readStandardInput(standardInput), text)
      : await openDataSource(data, "data", {
          text: text === undefined ? undefined : [text],
          delimiter,
          blankLines: true,
        });
  const source = await withText(named, kind, onNotice);
  if (source.text.length > kind.mostTextColumns) {
    throw new InputError(`\`text\` is "${text}", expected one column${kind.mostTextColumns > 1 ? " or two" : ""}`);
  }
  return { source, texts: await predictor.texts(source), predictor };
}

/** The source with its column of text, which is chosen, and told, where none is named. */
async function withText(source: DataSource, kind: TaskKind, onNotice: NoticeListener["onNotice"]): Promise<DataSource> {
  if (source.text.length > 0 || kind.usualColumns === undefined) return source;
  const table = await source.table();
  const column = chooseTextColumn(kind, table);
  if (table.columns.length > 1) onNotice?.(`${source.file}: "${column}" is taken as the text`);
  return { ...source, text: [column] };
}

/** Texts on lines of their own, or objects of JSON. */
function sourceOfLines(content: string, column: string | undefined): DataSource {
  const format = /^\s*\{/.test(content) ? "jsonl" : "txt";
  return textSource(content, `standard-input.${format}`, { text: column?.split(",") });
}

/** Texts, and what the model takes in of them. */
export interface EncodedTexts {
  readonly texts: Texts;
  readonly example: unknown;
}

/**
 * Texts as an opened model takes them in.
 * @throws InputError for a model whose task has no answer for whole texts, and for a pair where it takes single texts
 */
export async function encodeTexts(model: OpenModel, texts: readonly Texts[]): Promise<EncodedTexts[]> {
  const predictor = predictorOf(model);
  if (texts.some(({ textPair }) => textPair !== undefined)) requirePairs(model);
  return mapInTurns(texts, (each) => ({ texts: each, example: predictor.example(each) }));
}

interface PredictionOptions {
  /** Texts that run together at most; by default 32. */
  readonly batchSize?: number;
  /** Called after each batch with how many texts have a prediction; what it throws ends the work. */
  readonly onBatch?: (done: number) => void;
}

/** Predictions of an opened model for what it takes in, in order. Calls may overlap. */
export async function predictEncoded(
  model: OpenModel,
  encoded: readonly EncodedTexts[],
  { batchSize = 32, onBatch }: PredictionOptions = {},
): Promise<Prediction[]> {
  const predictor = predictorOf(model);
  const dataset = predictor.dataset(encoded.map(({ example }) => example));
  const predictions = new Array<Prediction>(encoded.length);
  let done = 0;
  await forEachBatch(
    { task: model.task, dataset, batchSize, programs: model.predictionPrograms },
    ({ logits, indices }) => {
      const columns = logits.length / indices.length;
      for (const [row, index] of indices.entries()) {
        const { texts, example } = encoded[index] as EncodedTexts;
        const own = logits.subarray(row * columns, (row + 1) * columns);
        predictions[index] = { ...texts, ...predictor.outcome(own, example) };
      }
      done += indices.length;
      onBatch?.(done);
    },
  );
  return predictions;
}

/**
 * Predictions of an opened model for texts, in their order. Calls may overlap.
 * @throws InputError as `encodeTexts`
 */
export async function predictTexts(
  model: OpenModel,
  texts: readonly Texts[],
  options: PredictionOptions = {},
): Promise<Prediction[]> {
  return predictEncoded(model, await encodeTexts(model, texts), options);
}

/** @throws InputError for a model that takes single texts */
function requirePairs({ task }: OpenModel): void {
  if (taskKind(task.name).mostTextColumns < 2) throw new InputError(`\`textPair\` cannot go with ${task.name}`);
}

/** @throws InputError for a model whose task has no answer for whole texts, with what it can do instead */
export function predictorOf({ folder, task }: OpenModel): Predictor<unknown, Outcome> {
  if (task.predictor !== undefined) return task.predictor;
  const wayOut =
    task.name === "causal-lm" ? "nanoadam generate goes on with them" : "nanoadam finetune gives it what it takes";
  throw new InputError(
    `${folder} is a ${task.name} checkpoint, which has nothing to predict for whole texts; ${wayOut}`,
  );
}
