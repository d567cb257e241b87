/**
 * A task is everything between examples and figures: which head it needs, how a batch is laid out, what is minimised, and
 * what the logits are judged by. Each is one file of this folder and a line of `registry.ts`.
 */
import type { Value } from "@nanoadam/engine";
import type { Batch } from "../data/batch.js";
import type { Dataset } from "../data/dataset.js";
import type { DataSource } from "../data/source.js";
import type { Table } from "../data/tables/table.js";
import type { TextEncoder, Texts } from "../data/text/encoder.js";
import type { LossOn } from "../data/text/learned-text.js";
import type { HeadSpecification } from "../models/model.js";
import type { ReviewAccumulator } from "./review.js";

/** Values by metric name, "accuracy" or "f1" for instance. */
export type Metrics = Readonly<Record<string, number>>;

/** Consecutive columns of logits, from one to before another. */
export interface LogitColumns {
  readonly from: number;
  readonly to: number;
}

/** Takes the logits of batch after batch, then gives the metrics, the usual one first. */
export interface MetricAccumulator {
  /** The logits of a batch; over a large vocabulary piece after piece of their columns. */
  add(logits: Float32Array, batch: Batch, columns?: LogitColumns): void;
  result(meanLoss: number): Metrics;
}

/** How a task answers for examples without label. */
export interface Predictor<Example, Outcome> {
  /**
   * The texts of a file to predict for.
   * @throws InputError with file and line for a row without text.
   */
  texts(source: DataSource): Promise<readonly Texts[]>;
  example(texts: Texts): Example;
  dataset(examples: readonly Example[]): Dataset<Example>;
  /** The answer, from the example's own logits. */
  outcome(logits: Float32Array, example: Example): Outcome;
  /** The answer in one line. */
  format(outcome: Outcome): string;
  /** The answer as columns of a table, by their names; what is no text and no number is written as JSON. */
  columns(outcome: Outcome): Readonly<Record<string, unknown>>;
}

export interface Task<Example = unknown, Outcome = object> {
  readonly name: string;
  readonly head: HeadSpecification;
  /** The names of an example's classes, by class id, where it is of one of them. */
  readonly classes?: readonly string[];
  /**
   * The examples of a file, for training or evaluation.
   * @throws InputError with file and line for a row that is none.
   */
  read(source: DataSource): Promise<Dataset<Example>>;
  /** Pads examples to `size` and lays them out under Hugging Face's names; without labels a batch has no targets. */
  collate(examples: readonly Example[], size: number): Batch;
  /** Several examples as one that keeps them apart; absent where a batch's rows are one example each. */
  merge?(examples: readonly Example[]): Example;
  /** The loss summed over the rows of `logits`, a tensor of one entry; `target` gives the batch's tensors. */
  loss(logits: Value, target: (name: string) => Value): Value;
  metrics(): MetricAccumulator;
  /** What there is to say of answers beside the metrics, for a data set that the task has read. */
  review?(dataset: Dataset<Example>): ReviewAccumulator;
  /** Present where whole examples have an answer. */
  readonly predictor?: Predictor<Example, Outcome>;
  /**
   * The task with what only training has in its loss (label smoothing, class weights), over the examples trained on.
   * Evaluations leave it out, so that those of any run compare. Absent where nothing differs.
   */
  forTraining?(train: Dataset<Example>): Promise<Task<Example, Outcome>>;
  /** The task's part of config.json: labels and problem type. */
  config(): Readonly<Record<string, unknown>>;
}

/** Columns as far as they are named. */
export interface NamedColumns {
  readonly text: readonly string[];
  readonly label?: readonly string[] | undefined;
}

/** Columns for a task, and which were chosen, in a sentence. */
export interface ChosenColumns extends NamedColumns {
  readonly note: string;
}

/** What a task may be made with. */
export interface TaskContext {
  readonly text: TextEncoder;
  /** The configuration of the checkpoint, whose classes are kept where the data's labels are among them. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly labelSmoothing?: number;
  readonly classWeights?: "none" | "balanced";
  readonly lossOn?: LossOn | undefined;
}

/** Options of the loss that a task may have. */
export type LossOption = "labelSmoothing" | "classWeights" | "lossOn";

/** A line of the registry: how tasks of a name come to be. */
export interface TaskKind {
  readonly name: string;
  /** What is learned and from which data, in half a sentence. */
  readonly description: string;
  readonly needsLabel: boolean;
  /** Columns of text that an example may have. */
  readonly mostTextColumns: 1 | 2;
  /** Columns of labels that an example may have. */
  readonly mostLabelColumns: number;
  /**
   * What its columns are usually called in lower case, the plainest name first, for data whose columns nobody has named. Absent where
   * those who read its data know that themselves.
   */
  readonly usualColumns?: { readonly text: readonly string[]; readonly label: readonly string[] };
  /** Columns whose lists and objects are data to it, besides those that are named. */
  readonly nestedColumns?: readonly string[];
  /**
   * The columns of data, as far as nobody has named them, where they are found otherwise than by `usualColumns`.
   * @throws InputError where it is not clear which are meant
   */
  chooseColumns?(table: Table, named: NamedColumns): ChosenColumns;
  /** Tokens of a training text at most where nobody says how many; 128 where absent. */
  readonly usualLength?: number;
  readonly lossOptions: readonly LossOption[];
  /** The figures of its evaluations, the usual one first. */
  readonly metrics: readonly [string, ...string[]];
  /** The task that training data make: their labels. */
  fromData(source: DataSource, context: TaskContext): Promise<Task>;
  /** Whether a saved model's configuration is of this task. */
  matches(config: Readonly<Record<string, unknown>>): boolean;
  /**
   * The task of a saved model.
   * @param file what messages call its configuration
   */
  fromConfig(config: Readonly<Record<string, unknown>>, file: string, context: TaskContext): Task;
}
