/** One class for each text or pair of texts. */

import { readLabelColumn, readLabelled, readTexts } from "../data/examples.js";
import { mapInTurns, takeTurn } from "../data/in-turns.js";
import { type LabelMap, labelMapFor, labelMapOfModel, labelMapToConfig, labelReader } from "../data/labels.js";
import { type TextEncoder, textDataset, tokenTensors } from "../data/text/encoder.js";
import type { EncodedText } from "../data/text/tokenizer.js";
import { classReview } from "./class-review.js";
import {
  type ClassLossOptions,
  type ClassOutcome,
  type ClassTrainingOptions,
  classAnswers,
  classBatch,
  classLoss,
  classMetrics,
  labelNotes,
  singleLabel,
  withTrainingLoss,
} from "./classes.js";
import { usualTextColumns } from "./columns.js";
import type { Task, TaskKind } from "./task.js";

/** A text as tokens, with its class id where it is labelled. */
export interface LabelledText extends EncodedText {
  readonly label?: number;
}

export interface ClassificationOptions extends ClassTrainingOptions {
  readonly labels: LabelMap;
  readonly text: TextEncoder;
}

export function classificationTask(options: ClassificationOptions): Task<LabelledText, ClassOutcome> {
  return withTrainingLoss((loss) => taskWithLoss(options, loss), options.labels.names.length, options);
}

function taskWithLoss(
  { labels, text }: ClassificationOptions,
  loss: ClassLossOptions,
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
          notes: [...notes, ...labelNotes(found, reader, labels, source.file)],
        },
      );
    },
    collate: (examples, size) =>
      classBatch(
        tokenTensors(examples, size, text.tokenizer.padId),
        examples.map(({ label }) => label),
        loss,
      ),
    loss: classLoss(loss),
    metrics: () => classMetrics(classes),
    review: (dataset) => classReview(labels.names, dataset),
    predictor: {
      texts: readTexts,
      example: (texts) => text.encode(texts),
      dataset: (examples) => textDataset(examples),
      ...classAnswers(labels),
    },
    config: () => ({ ...singleLabel, ...labelMapToConfig(labels) }),
  };
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
    await takeTurn();
    return classificationTask({ labels: labelMapFor(found, config, source.file), text, ...loss });
  },
  matches: () => true,
  fromConfig: (config, file, { text }) => classificationTask({ labels: labelMapOfModel(config, file), text }),
} as const satisfies TaskKind;
