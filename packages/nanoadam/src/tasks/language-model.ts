/** The common part of tasks that predict tokens at some positions of a batch: texts, targets, loss and metrics. */

import { float32Tensor, type HostTensor, int32Tensor, tensorOf } from "../data/batch.js";
import { mapInTurns } from "../data/in-turns.js";
import type { DataSource } from "../data/source.js";
import { requireColumn, requireField } from "../data/tables/table.js";
import type { TextEncoder } from "../data/text/encoder.js";
import type { EncodedText } from "../data/text/tokenizer.js";
import { usualTextColumns } from "./columns.js";
import { argmax, rowsOf } from "./logits.js";
import { crossEntropy } from "./loss.js";
import type { MetricAccumulator, Task } from "./task.js";

/** The texts of a source, one column of a table, as tokens. */
export async function readTexts(source: DataSource, text: TextEncoder): Promise<EncodedText[]> {
  const [column = ""] = source.text;
  const table = await source.table();
  requireColumn(table, column);
  return mapInTurns(table.rows.slice(0, source.limit), (row) =>
    text.encode({ text: requireField(table, row, column) }),
  );
}

/** A token to predict: its position among all of the batch, counted row by row, and its id. */
export interface TokenTarget {
  readonly position: number;
  readonly label: number;
}

/**
 * `predicted_positions` int32 [places], `labels` int32 [places] and `label_weights` float32 [places, 1]. A batch of one
 * shape always has as many places; those that no target uses have weight 0.
 */
export function tokenTargets(targets: readonly TokenTarget[], places: number): [string, HostTensor][] {
  if (targets.length > places) throw new RangeError(`${targets.length} targets do not fit ${places} places`);
  const positions = new Int32Array(places);
  const labels = new Int32Array(places);
  const weights = new Float32Array(places);
  for (const [place, { position, label }] of targets.entries()) {
    positions[place] = position;
    labels[place] = label;
    weights[place] = 1;
  }
  return [
    ["predicted_positions", int32Tensor(positions, [places])],
    ["labels", int32Tensor(labels, [places])],
    ["label_weights", float32Tensor(weights, [places, 1])],
  ];
}

/** Summed cross-entropy over the vocabulary at the predicted positions. */
export const tokenLoss: Task["loss"] = (logits, target) =>
  crossEntropy(logits, target("labels"), { rowWeights: target("label_weights") });

/** Perplexity, and the fraction of tokens that were found; `vocabularySize` is the columns of the logits. */
export function tokenMetrics(vocabularySize: number): MetricAccumulator {
  let [correct, count] = [0, 0];
  // Of each row of the batch whose columns are coming: the largest logit so far, and its column.
  let highest = new Float32Array(0);
  let found = new Int32Array(0);
  return {
    add(logits, batch, columns = { from: 0, to: vocabularySize }) {
      const labels = tensorOf(batch, "labels").data;
      const weights = tensorOf(batch, "label_weights").data;
      if (columns.from === 0) {
        highest = new Float32Array(labels.length).fill(Number.NEGATIVE_INFINITY);
        found = new Int32Array(labels.length);
      }
      for (const [row, own] of rowsOf(logits, columns.to - columns.from).entries()) {
        const best = argmax(own);
        const logit = own[best] as number;
        if (logit <= (highest[row] as number)) continue;
        highest[row] = logit;
        found[row] = columns.from + best;
      }
      if (columns.to < vocabularySize) return;
      for (const [row, weight] of weights.entries()) {
        if (weight === 0) continue;
        count++;
        if (found[row] === labels[row]) correct++;
      }
    },
    result: (meanLoss) => ({ perplexity: Math.exp(meanLoss), accuracy: count === 0 ? 0 : correct / count }),
  };
}

/** What the kinds of tasks over a vocabulary have in common: texts without labels, and their figures. */
export const languageModelKind = {
  needsLabel: false,
  mostTextColumns: 1,
  mostLabelColumns: 0,
  usualColumns: { text: usualTextColumns, label: [] },
  lossOptions: [],
  metrics: ["loss", "perplexity", "accuracy"],
} as const;
