/** One class for each text or pair of texts. */

import type { Value } from "@nanoadam/engine";
import { type Batch, float32Tensor, type HostTensor, int32Tensor, tensorOf } from "../data/batch.js";
import { countClasses, type Dataset } from "../data/dataset.js";
import { readLabelColumn, readLabelled, readTexts, spellingNotes } from "../data/examples.js";
import { mapInTurns } from "../data/in-turns.js";
import {
  areUnnamed,
  type LabelMap,
  labelMapFor,
  labelMapOfModel,
  labelMapToConfig,
  labelReader,
} from "../data/labels.js";
import { type TextEncoder, textDataset, tokenTensors } from "../data/text/encoder.js";
import type { EncodedText } from "../data/text/tokenizer.js";
import { classReview } from "./class-review.js";
import { usualTextColumns } from "./columns.js";
import { argmax, probabilitiesOf, rowsOf } from "./logits.js";
import { crossEntropy } from "./loss.js";
import { accuracy, f1, macroF1, matthewsCorrelation } from "./metrics.js";
import type { MetricAccumulator, Task, TaskKind } from "./task.js";

/** A text as tokens, with its class id where it is labelled. */
export interface LabelledText extends EncodedText {
  readonly label?: number;
}

export interface ClassOutcome {
  readonly label: string;
  readonly probability: number;
  /** By label; they sum to 1. */
  readonly probabilities: Readonly<Record<string, number>>;
}

export interface ClassificationOptions {
  readonly labels: LabelMap;
  readonly text: TextEncoder;
  /** Fraction of the target spread evenly over all classes in training, in [0, 1). */
  readonly labelSmoothing?: number;
  /** "balanced": in training each class counts inversely to its frequency. */
  readonly classWeights?: "none" | "balanced";
}

export function classificationTask(options: ClassificationOptions): Task<LabelledText, ClassOutcome> {
  const { labelSmoothing = 0, classWeights = "none" } = options;
  const plain = taskWithLoss(options, {});
  if (labelSmoothing === 0 && classWeights === "none") return plain;
  const classes = options.labels.names.length;
  return {
    ...plain,
    async forTraining(train) {
      return taskWithLoss(options, {
        labelSmoothing,
        ...(classWeights === "balanced" ? { classWeights: balancedWeights(train, classes) } : {}),
      });
    },
  };
}

/** Ids say nothing of the names that they are taken for, so that is told. */
function idNote(file: string, { names }: LabelMap): string {
  const shown = names.slice(0, 6).map((name, id) => `${id} is "${name}"`);
  return `${file}: labels are taken as ids: ${shown.join(", ")}${names.length > shown.length ? ", ..." : ""}`;
}

interface LossOptions {
  readonly labelSmoothing?: number;
  /** By class id. */
  readonly classWeights?: readonly number[];
}

function taskWithLoss(
  { labels, text }: ClassificationOptions,
  { labelSmoothing = 0, classWeights }: LossOptions,
): Task<LabelledText, ClassOutcome> {
  const classes = labels.names.length;
  return {
    name: "classification",
    head: { kind: "outputs", per: "example", outputs: classes },
    classes: labels.names,
    async read(source) {
      const { examples, notes } = await readLabelled(source);
      const found = examples.map(({ label }) => label);
      const reader = labelReader(labels, found);
      return textDataset(
        await mapInTurns(
          examples,
          ({ source: texts, label }): LabelledText => ({
            ...text.encode(texts),
            label: reader.id(label, source.file, texts.line),
          }),
        ),
        {
          classOf: ({ label = 0 }) => label,
          sources: examples.map(({ source: texts }) => texts),
          notes: [
            ...notes,
            ...spellingNotes(found, source.file),
            ...(reader.areIds && !areUnnamed(labels) ? [idNote(source.file, labels)] : []),
          ],
        },
      );
    },
    collate(examples, size) {
      const tokens = tokenTensors(examples, size, text.tokenizer.padId);
      const ids = examples.flatMap(({ label }) => (label === undefined ? [] : [label]));
      if (ids.length < examples.length) return { tensors: new Map(tokens), weight: examples.length };
      const targets: [string, HostTensor][] = [["labels", int32Tensor(Int32Array.from(ids), [ids.length])]];
      if (classWeights === undefined) return { tensors: new Map([...tokens, ...targets]), weight: ids.length };
      const weights = Float32Array.from(ids, (id) => classWeights[id] ?? 0);
      targets.push(["label_weights", float32Tensor(weights, [ids.length, 1])]);
      if (labelSmoothing > 0) {
        targets.push(["class_weights", float32Tensor(Float32Array.from(classWeights), [1, classes])]);
      }
      return {
        tensors: new Map([...tokens, ...targets]),
        weight: weights.reduce((sum, weight) => sum + weight, 0),
      };
    },
    loss: (logits, target): Value =>
      crossEntropy(logits, target("labels"), {
        labelSmoothing,
        ...(classWeights === undefined ? {} : { rowWeights: target("label_weights") }),
        ...(classWeights === undefined || labelSmoothing === 0 ? {} : { classWeights: target("class_weights") }),
      }),
    metrics: () => classMetrics(classes),
    review: (dataset) => classReview(labels.names, dataset),
    predictor: {
      texts: readTexts,
      example: (texts) => text.encode(texts),
      dataset: (examples) => textDataset(examples),
      outcome(logits) {
        const probabilities = probabilitiesOf(logits);
        const best = argmax(logits);
        const nameOf = (label: number) => labels.names[label] ?? String(label);
        return {
          label: nameOf(best),
          probability: probabilities[best] ?? Number.NaN,
          probabilities: Object.fromEntries(probabilities.map((value, label) => [nameOf(label), value])),
        };
      },
      format: ({ label, probability }) => `${label}\t${(100 * probability).toFixed(1)} %`,
      columns: ({ label, probability }) => ({ label, probability }),
    },
    config: () => ({ problem_type: "single_label_classification", ...labelMapToConfig(labels) }),
  };
}

/** Accuracy, F1 (of class 1 where there are two classes, else the mean over classes) and Matthews correlation. */
function classMetrics(classes: number): MetricAccumulator {
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

export const classification = {
  name: "classification",
  description: "one label for each text, or pair of texts",
  needsLabel: true,
  mostTextColumns: 2,
  mostLabelColumns: 1,
  usualColumns: {
    text: usualTextColumns,
    label: ["label", "labels", "category", "class", "intent", "sentiment", "target"],
  },
  lossOptions: ["labelSmoothing", "classWeights"],
  metrics: ["accuracy", "f1", "matthews", "loss"],
  async fromData(source, { text, config, ...loss }) {
    const { rows } = readLabelColumn(await source.table(), source.label?.[0] ?? "");
    const found = rows.map(({ label }) => label);
    return classificationTask({ labels: labelMapFor(found, config, source.file), text, ...loss });
  },
  matches: () => true,
  fromConfig: (config, file, { text }) => classificationTask({ labels: labelMapOfModel(config, file), text }),
} as const satisfies TaskKind;
