/** How likely texts are to a network that predicts the next token. */
import { tensorOf } from "../data/batch.js";
import { type TextEncoder, textDataset } from "../data/text/encoder.js";
import type { LearnedText } from "../data/text/learned-text.js";
import type { ProgramCache } from "../program/program-cache.js";
import { causalLmTask } from "../tasks/causal-lm.js";
import { rowsOf } from "../tasks/logits.js";
import { forEachBatch } from "./evaluation.js";

/**
 * The logarithm of the probability of each text's learned tokens, those that are only read being given: their sum.
 * @param programs without a loss
 */
export async function logLikelihoods(
  text: TextEncoder,
  texts: readonly LearnedText[],
  { programs, batchSize }: { readonly programs: ProgramCache; readonly batchSize: number },
): Promise<Float64Array> {
  const sums = new Float64Array(texts.length);
  const [task, dataset] = [causalLmTask(text), textDataset(texts)];
  // Of each row of the batch: the logarithm of its summed exponentials, of the columns that have come.
  let logSums = new Float64Array(0);
  await forEachBatch({ task, dataset, batchSize, programs }, ({ batch, logits, columns, indices }) => {
    const { from, to } = columns ?? { from: 0, to: text.vocabularySize };
    const [, length = 1] = tensorOf(batch, "input_ids").type.shape;
    const [positions, labels, weights] = ["predicted_positions", "labels", "label_weights"].map(
      (name) => tensorOf(batch, name).data,
    );
    if (from === 0) logSums = new Float64Array(positions?.length ?? 0).fill(Number.NEGATIVE_INFINITY);
    for (const [row, own] of rowsOf(logits, to - from).entries()) {
      if (weights?.[row] !== 1) continue;
      const index = indices[Math.floor((positions?.[row] ?? 0) / length)] ?? 0;
      const label = labels?.[row] ?? 0;
      const isThere = label >= from && label < to;
      logSums[row] = logSum([logSums[row] ?? Number.NEGATIVE_INFINITY, logSum(own)]);
      const added =
        (isThere ? (own[label - from] ?? Number.NaN) : 0) - (to === text.vocabularySize ? (logSums[row] ?? 0) : 0);
      sums[index] = (sums[index] ?? 0) + added;
    }
  });
  return sums;
}

/** The logarithm of the sum of exponentials. */
function logSum(values: Float32Array | readonly number[]): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) most = Math.max(most, value);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - most);
  return most + Math.log(sum);
}
