/** The review of answers that are a number each. */
import type { Dataset } from "../data/dataset.js";
import { pearsonCorrelation } from "./metrics.js";
import { doubt, heldOutRows, type Mistake, mostListed, type Review, type ReviewAccumulator } from "./review.js";

interface Answer {
  readonly index: number;
  readonly expected: number;
  readonly predicted: number;
}

/** @param numberOf the number that an example is labelled with */
export function numberReview(numberOf: (index: number) => number, dataset: Dataset): ReviewAccumulator {
  const answers: Answer[] = [];
  return {
    add({ logits, indices }) {
      for (const [row, predicted] of logits.entries()) {
        const index = indices[row] ?? 0;
        answers.push({ index, expected: numberOf(index), predicted });
      }
    },
    result: () => reviewOf(answers, dataset),
    shown: () => ({ kind: "numbers", pairs: answers }),
  };
}

function reviewOf(answers: readonly Answer[], dataset: Dataset): Review {
  const count = answers.length;
  const mean = answers.reduce((sum, { expected }) => sum + expected, 0) / count;
  const errorOf = ({ expected, predicted }: Answer) => Math.abs(expected - predicted);
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / count;
  const value = meanOf(answers.map(errorOf));
  const guessing = meanOf(answers.map(({ expected }) => Math.abs(expected - mean)));
  const correlation = pearsonCorrelation(
    answers.map(({ predicted }) => predicted),
    answers.map(({ expected }) => expected),
  );
  const beatsGuessing = value < guessing && correlation > 2 / Math.sqrt(count);
  const figures = `off by ${value.toPrecision(2)} on average on ${heldOutRows(count)}; always saying ${mean.toPrecision(3)} would be off by ${guessing.toPrecision(2)}`;
  return {
    verdict: beatsGuessing
      ? `${figures}; the correlation is ${correlation.toFixed(2)}`
      : `${doubt(value < guessing && correlation > 0)}: ${figures}`,
    beatsGuessing,
    metric: { name: "meanAbsoluteError", value, guessing },
    mistakes: answers
      .toSorted((a, b) => errorOf(b) - errorOf(a) || a.index - b.index)
      .slice(0, mostListed)
      .map(
        ({ index, expected, predicted }): Mistake => ({
          ...(dataset.sourceOf?.(index) ?? { text: "", line: 0 }),
          label: expected,
          predicted,
        }),
      ),
  };
}
