/** Any number of labels for each text or pair of texts, each by itself. */

import { float32Tensor, tensorOf } from "../data/batch.js";
import { readExamples, readTexts } from "../data/examples.js";
import { mapInTurns } from "../data/in-turns.js";
import { type LabelSet, readLabelSets } from "../data/label-sets.js";
import {
  buildIdMap,
  createLabelMap,
  type LabelMap,
  type LabelReader,
  labelMapFor,
  labelMapOfModel,
  labelMapToConfig,
  labelReader,
} from "../data/labels.js";
import type { DataSource } from "../data/source.js";
import { type TextEncoder, textDataset, tokenTensors } from "../data/text/encoder.js";
import type { EncodedText } from "../data/text/tokenizer.js";
import { InputError } from "../errors.js";
import { usualTextColumns } from "./columns.js";
import { labelSetReview } from "./label-set-review.js";
import { rowsOf, sigmoid } from "./logits.js";
import { binaryCrossEntropy } from "./loss.js";
import { f1 } from "./metrics.js";
import type { MetricAccumulator, Task, TaskKind } from "./task.js";

/** A text as tokens, with 1 for each label that it has and 0 for each other, where it is labelled. */
export interface MultiLabelText extends EncodedText {
  readonly labels?: Float32Array;
}

export interface MultiLabelOutcome {
  /** Those more probable than not, the most probable first. */
  readonly labels: readonly string[];
  /** Of each label by itself. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** The loss is the mean over all labels of all texts, as transformers has it for `multi_label_classification`. */
export function multiLabelTask(labels: LabelMap, text: TextEncoder): Task<MultiLabelText, MultiLabelOutcome> {
  const { names } = labels;
  const outputs = names.length;
  return {
    name: "multi-label",
    head: { kind: "outputs", per: "example", outputs },
    async read(source) {
      requireAllLabels(source, names);
      const { text: columns, limit, file } = source;
      const sets = await readLabelSets(source);
      const texts = readExamples(await source.table(), { text: columns, limit });
      const reader = labelReader(labels, namesIn(sets));
      return textDataset(
        await mapInTurns(texts, (each, row) => ({
          ...text.encode(each),
          labels: indicatorsOf(sets[row], reader, outputs, file),
        })),
        { targetsOf: ({ labels: own }) => own, sources: texts },
      );
    },
    collate(examples, size) {
      const tokens = tokenTensors(examples, size, text.tokenizer.padId);
      const rows = examples.flatMap((example) => (example.labels === undefined ? [] : [example.labels]));
      const weight = examples.length * outputs;
      if (rows.length < examples.length) return { tensors: new Map(tokens), weight };
      const values = new Float32Array(weight);
      for (const [row, own] of rows.entries()) values.set(own, row * outputs);
      return {
        tensors: new Map([...tokens, ["labels", float32Tensor(values, [rows.length, outputs])]]),
        weight,
      };
    },
    loss: (logits, target) => binaryCrossEntropy(logits, target("labels")),
    metrics: () => multiLabelMetrics(outputs),
    review: (dataset) => labelSetReview(names, (index) => dataset.targetsOf?.(index) ?? []),
    predictor: {
      texts: readTexts,
      example: (texts) => text.encode(texts),
      dataset: (examples) => textDataset(examples),
      outcome(logits) {
        const scored = Array.from(logits, (logit, label) => [names[label] ?? "", sigmoid(logit)] as const);
        const likely = scored.filter(([, probability]) => probability > 0.5).sort(([, a], [, b]) => b - a);
        return { labels: likely.map(([name]) => name), probabilities: Object.fromEntries(scored) };
      },
      format: ({ labels: likely, probabilities }) =>
        likely.length === 0
          ? "-"
          : likely.map((name) => `${name} ${(100 * (probabilities[name] ?? Number.NaN)).toFixed(1)} %`).join(", "),
      columns: ({ labels: likely, probabilities }) => ({ labels: likely, probabilities }),
    },
    config: () => ({ problem_type: problemType, ...labelMapToConfig(labels) }),
  };
}

const problemType = "multi_label_classification";

/** Where each label has a column, a label without one would be read as absent everywhere. */
function requireAllLabels({ label: columns = [], file }: DataSource, names: readonly string[]): void {
  if (columns.length < 2) return;
  const missing = names.find((name) => !columns.includes(name));
  const unknown = columns.find((column) => !names.includes(column));
  if (missing !== undefined) {
    throw new InputError(`${file}: \`label\` lacks the label "${missing}", expected a column for each of the model's`);
  }
  if (unknown !== undefined) {
    throw new InputError(`${file}: the label "${unknown}" is unknown, expected ${names.join(", ")} in \`label\``);
  }
}

function indicatorsOf(set: LabelSet | undefined, reader: LabelReader, outputs: number, file: string): Float32Array {
  const indicators = new Float32Array(outputs);
  for (const label of set?.labels ?? []) indicators[reader.id(label, file, set?.line ?? 0)] = 1;
  return indicators;
}

function namesIn(sets: readonly LabelSet[]): string[] {
  return sets.flatMap(({ labels }) => labels);
}

/** F1 over all labels together, the mean of each label's F1, and the fraction of texts with all labels right. */
function multiLabelMetrics(outputs: number): MetricAccumulator {
  const predicted: number[] = [];
  const expected: number[] = [];
  return {
    add(logits, batch) {
      for (const logit of logits) predicted.push(logit > 0 ? 1 : 0);
      for (const label of tensorOf(batch, "labels").data.subarray(0, logits.length)) expected.push(label);
    },
    result() {
      const [texts, answers] = [
        rowsOf(Float32Array.from(expected), outputs),
        rowsOf(Float32Array.from(predicted), outputs),
      ];
      const ofLabel = (rows: readonly Float32Array[], label: number) => rows.map((row) => row[label] ?? 0);
      const each = Array.from({ length: outputs }, (_, label) => f1(ofLabel(answers, label), ofLabel(texts, label)));
      const right = texts.filter((row, index) => row.every((value, label) => value === answers[index]?.[label]));
      return {
        f1: f1(predicted, expected),
        macroF1: each.reduce((sum, value) => sum + value, 0) / outputs,
        accuracy: right.length / texts.length,
      };
    },
  };
}

/** The labels that columns are called; a model's own, in its order, where they are the same. */
function labelMapOfColumns(
  columns: readonly string[],
  config: Readonly<Record<string, unknown>> | undefined,
  file: string,
): LabelMap {
  const known = labelMapFor(columns, config, file, createLabelMapOf);
  return known.names.length === columns.length ? known : createLabelMapOf(columns);
}

function createLabelMapOf(names: Iterable<string>): LabelMap {
  return createLabelMap([...names]);
}

export const multiLabel = {
  name: "multi-label",
  description:
    "any number of labels for each text: several columns of 0 and 1 in `label`, or one column with lists (JSON), or with | between labels, or commas where no row has a |",
  needsLabel: true,
  mostTextColumns: 2,
  mostLabelColumns: Number.POSITIVE_INFINITY,
  usualColumns: { text: usualTextColumns, label: ["labels", "label", "categories", "tags"] },
  lossOptions: [],
  metrics: ["f1", "macroF1", "accuracy", "loss"],
  async fromData(source, { text, config }) {
    const { label: columns = [], file } = source;
    const labels =
      columns.length > 1
        ? labelMapOfColumns(columns, config, file)
        : labelMapFor(namesIn(await readLabelSets(source)), config, file, buildIdMap);
    return multiLabelTask(labels, text);
  },
  matches: (config) => config.problem_type === problemType,
  fromConfig: (config, file, { text }) => multiLabelTask(labelMapOfModel(config, file), text),
} as const satisfies TaskKind;
