/** What tasks of one class for each example have in common: targets, loss, metrics, and how an answer is told. */
import type { Value } from "@nanoadam/engine";
import { type Batch, float32Tensor, type HostTensor, int32Tensor, tensorOf } from "../data/batch.js";
import { countClasses, type Dataset } from "../data/dataset.js";
import { spellingNotes } from "../data/examples.js";
import { areUnnamed, type LabelMap, type LabelReader } from "../data/labels.js";
import { argmax, probabilitiesOf, rowsOf } from "./logits.js";
import { crossEntropy } from "./loss.js";
import { accuracy, f1, macroF1, matthewsCorrelation } from "./metrics.js";
import type { MetricAccumulator, Predictor, Task } from "./task.js";

export interface ClassOutcome {
  readonly label: string;
  readonly probability: number;
  /** By label; they sum to 1. */
  readonly probabilities: Readonly<Record<string, number>>;
}

export interface ClassLossOptions {
  /** Fraction of the target spread evenly over all classes, in [0, 1). */
  readonly labelSmoothing?: number;
  /** By class id. */
  readonly classWeights?: readonly number[];
}

/** How classes are learned. */
export interface ClassTrainingOptions {
  /** Fraction of the target spread evenly over all classes in training, in [0, 1). */
  readonly labelSmoothing?: number;
  /** "balanced": in training each class counts inversely to its frequency. */
  readonly classWeights?: "none" | "balanced";
}

/** A task whose training, unlike its evaluations, has the loss that was asked for. */
export function withTrainingLoss<Example, Outcome>(
  taskWithLoss: (loss: ClassLossOptions) => Task<Example, Outcome>,
  classes: number,
  { labelSmoothing = 0, classWeights = "none" }: ClassTrainingOptions,
): Task<Example, Outcome> {
  const plain = taskWithLoss({});
  if (labelSmoothing === 0 && classWeights === "none") return plain;
  return {
    ...plain,
    async forTraining(train) {
      return taskWithLoss({
        labelSmoothing,
        ...(classWeights === "balanced" ? { classWeights: balancedWeights(train, classes) } : {}),
      });
    },
  };
}

/** The batch of examples with the classes `labels`; without targets where some have none. */
export function classBatch(
  inputs: Iterable<readonly [string, HostTensor]>,
  labels: readonly (number | undefined)[],
  { labelSmoothing = 0, classWeights }: ClassLossOptions,
): Batch {
  const ids = labels.flatMap((label) => (label === undefined ? [] : [label]));
  if (ids.length < labels.length) return { tensors: new Map(inputs), weight: labels.length };
  const targets: [string, HostTensor][] = [["labels", int32Tensor(Int32Array.from(ids), [ids.length])]];
  if (classWeights === undefined) return { tensors: new Map([...inputs, ...targets]), weight: ids.length };
  const weights = Float32Array.from(ids, (id) => classWeights[id] ?? 0);
  targets.push(["label_weights", float32Tensor(weights, [ids.length, 1])]);
  if (labelSmoothing > 0) {
    targets.push(["class_weights", float32Tensor(Float32Array.from(classWeights), [1, classWeights.length])]);
  }
  return {
    tensors: new Map([...inputs, ...targets]),
    weight: weights.reduce((sum, weight) => sum + weight, 0),
  };
}

/** The loss on what `classBatch` lays out. */
export function classLoss({ labelSmoothing = 0, classWeights }: ClassLossOptions) {
  return (logits: Value, target: (name: string) => Value): Value =>
    crossEntropy(logits, target("labels"), {
      labelSmoothing,
      ...(classWeights === undefined ? {} : { rowWeights: target("label_weights") }),
      ...(classWeights === undefined || labelSmoothing === 0 ? {} : { classWeights: target("class_weights") }),
    });
}

/** Accuracy, F1 (of class 1 where there are two classes, else the mean over classes) and Matthews correlation. */
export function classMetrics(classes: number): MetricAccumulator {
  const predicted: number[] = [];
  const expected: number[] = [];
  return {
    add(logits, batch: Batch) {
      const rows = rowsOf(logits, classes);
      const labels = tensorOf(batch, "labels").data;
      for (const [row, own] of rows.entries()) {
        predicted.push(argmax(own));
        expected.push(labels[row] ?? Number.NaN);
      }
    },
    result: () => ({
      accuracy: accuracy(predicted, expected),
      f1: classes === 2 ? f1(predicted, expected) : macroF1(predicted, expected),
      matthews: matthewsCorrelation(predicted, expected),
    }),
  };
}

/** Weights inverse to a class's frequency, of mean 1 over the examples; 0 for a class without examples. */
function balancedWeights(examples: Dataset, classes: number): number[] {
  return countClasses(examples, classes).map((count) => (count === 0 ? 0 : examples.length / (classes * count)));
}

/** Ids say nothing of the names that they are taken for, so that is told. */
function idNote(file: string, { names }: LabelMap): string {
  const shown = names.slice(0, 6).map((name, id) => `${id} is "${name}"`);
  return `${file}: labels are taken as ids: ${shown.join(", ")}${names.length > shown.length ? ", ..." : ""}`;
}

/** What there is to say of the labels of a file, as a reader of them found them. */
export function labelNotes(
  found: readonly string[],
  { areIds }: Pick<LabelReader, "areIds">,
  labels: LabelMap,
  file: string,
): readonly string[] {
  return [...spellingNotes(found, file), ...(areIds && !areUnnamed(labels) ? [idNote(file, labels)] : [])];
}

/** How logits over classes become an answer, and how that is told. */
export function classAnswers({
  names,
}: LabelMap): Pick<Predictor<unknown, ClassOutcome>, "outcome" | "format" | "columns"> {
  const nameOf = (label: number) => names[label] ?? String(label);
  return {
    outcome(logits) {
      const probabilities = probabilitiesOf(logits);
      const best = argmax(logits);
      return {
        label: nameOf(best),
        probability: probabilities[best] ?? Number.NaN,
        probabilities: Object.fromEntries(probabilities.map((value, label) => [nameOf(label), value])),
      };
    },
    format: ({ label, probability }) => `${label}\t${(100 * probability).toFixed(1)} %`,
    columns: ({ label, probability }) => ({ label, probability }),
  };
}

/** The task's part of config.json. */
export const singleLabel = { problem_type: "single_label_classification" } as const;
