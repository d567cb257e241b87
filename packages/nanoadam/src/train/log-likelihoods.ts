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
  await forEachBatch({ task, dataset, batchSize, programs }, ({ batch, logits, firstRow, indices }) => {
    const [, length = 1] = tensorOf(batch, "input_ids").type.shape;
    const [positions, labels, weights] = ["predicted_positions", "labels", "label_weights"].map(
      (name) => tensorOf(batch, name).data,
    );
    for (const [row, own] of rowsOf(logits, text.vocabularySize).entries()) {
      const place = firstRow + row;
      if (weights?.[place] !== 1) continue;
      const index = indices[Math.floor((positions?.[place] ?? 0) / length)] ?? 0;
      sums[index] = (sums[index] ?? 0) + (own[labels?.[place] ?? 0] ?? Number.NaN) - logSum(own);
    }
  });
  return sums;
}

/** The logarithm of the sum of exponentials. */
function logSum(values: Float32Array): number {
  const most = values.reduce((largest, value) => Math.max(largest, value), Number.NEGATIVE_INFINITY);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}
