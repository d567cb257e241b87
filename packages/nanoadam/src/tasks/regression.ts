/** One number for each text or pair of texts. */

import { float32Tensor, tensorOf } from "../data/batch.js";
import { readLabelled, readTexts } from "../data/examples.js";
import { mapInTurns } from "../data/in-turns.js";
import { labelCountOf, regressionLabel } from "../data/labels.js";
import { type TextEncoder, textDataset, tokenTensors } from "../data/text/encoder.js";
import type { EncodedText } from "../data/text/tokenizer.js";
import { InputError } from "../errors.js";
import { usualTextColumns } from "./columns.js";
import { squaredError } from "./loss.js";
import { pearsonCorrelation, spearmanCorrelation } from "./metrics.js";
import { numberReview } from "./number-review.js";
import type { Task, TaskKind } from "./task.js";

/** A text as tokens, with its number where it is labelled. */
export interface ScoredText extends EncodedText {
  readonly value?: number;
}

export interface NumberOutcome {
  readonly value: number;
}

export function regressionTask(text: TextEncoder): Task<ScoredText, NumberOutcome> {
  return {
    name: "regression",
    head: { kind: "outputs", per: "example", outputs: 1 },
    async read(source) {
      const { examples, notes } = await readLabelled(source);
      return textDataset(
        await mapInTurns(examples, ({ source: texts, label }) => ({
          ...text.encode(texts),
          value: regressionLabel(label, source.file, texts.line),
        })),
        {
          targetsOf: ({ value }) => [value],
          sources: examples.map(({ source: texts }) => texts),
          notes,
        },
      );
    },
    collate(examples, size) {
      const tokens = tokenTensors(examples, size, text.tokenizer.padId);
      const values = examples.flatMap(({ value }) => (value === undefined ? [] : [value]));
      const hasTargets = values.length === examples.length;
      const labels = float32Tensor(Float32Array.from(values), [values.length, 1]);
      return {
        tensors: new Map(hasTargets ? [...tokens, ["labels", labels]] : tokens),
        weight: examples.length,
      };
    },
    loss: (logits, target) => squaredError(logits, target("labels")),
    metrics() {
      const predicted: number[] = [];
      const expected: number[] = [];
      return {
        add(logits, batch) {
          predicted.push(...logits);
          expected.push(...tensorOf(batch, "labels").data.subarray(0, logits.length));
        },
        result: () => ({
          pearson: pearsonCorrelation(predicted, expected),
          spearman: spearmanCorrelation(predicted, expected),
        }),
      };
    },
    review: (dataset) => numberReview((index) => dataset.targetsOf?.(index)[0] ?? Number.NaN, dataset),
    predictor: {
      texts: readTexts,
      example: (texts) => text.encode(texts),
      dataset: (examples) => textDataset(examples),
      outcome: (logits) => ({ value: logits[0] ?? Number.NaN }),
      format: ({ value }) => value.toFixed(4),
      columns: ({ value }) => ({ prediction: value }),
    },
    config: () => ({ problem_type: "regression", id2label: { "0": "LABEL_0" }, label2id: { LABEL_0: 0 } }),
  };
}

/** Whether a configuration says how many labels there are. */
function isLabelled({ id2label, label2id, num_labels: count }: Readonly<Record<string, unknown>>): boolean {
  return [id2label, label2id, count].some((field) => field !== undefined && field !== null);
}

export const regression = {
  name: "regression",
  description: "a number for each text, or pair of texts",
  needsLabel: true,
  mostTextColumns: 2,
  mostLabelColumns: 1,
  usualColumns: { text: usualTextColumns, label: ["label", "score", "rating", "stars", "target", "value"] },
  lossOptions: [],
  metrics: ["pearson", "spearman", "loss"],
  fromData: async (_source, { text }) => regressionTask(text),
  matches: (config) => config.problem_type === "regression" || labelCountOf(config) === 1,
  fromConfig(config, file, { text }) {
    const outputs = isLabelled(config) ? labelCountOf(config) : 1;
    if (outputs === 1) return regressionTask(text);
    throw new InputError(
      `${file}: problem_type is "regression" with ${outputs} labels, expected 1: several numbers for a text are not supported`,
    );
  },
} as const satisfies TaskKind;
