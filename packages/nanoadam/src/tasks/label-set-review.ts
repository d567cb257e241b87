/** The review of answers that are any number of labels each. */
import { rowsOf } from "./logits.js";
import {
  type ClassCounts,
  doubt,
  heldOutRows,
  type Review,
  type ReviewAccumulator,
  scoreOf,
  sumOfCounts,
  worstOf,
} from "./review.js";

/**
 * @param names the labels, by id
 * @param labelsOf 1 for each label that an example has, and 0 for each other
 */
export function labelSetReview(
  names: readonly string[],
  labelsOf: (index: number) => ArrayLike<number>,
): ReviewAccumulator {
  const counts = names.map(() => ({ present: 0, told: 0, hits: 0 }));
  let examples = 0;
  return {
    add({ logits, indices }) {
      for (const [row, own] of rowsOf(logits, names.length).entries()) {
        const expected = labelsOf(indices[row] ?? 0);
        examples++;
        for (const [label, count] of counts.entries()) {
          const [isTold, isPresent] = [(own[label] ?? 0) > 0, expected[label] === 1];
          if (isTold) count.told++;
          if (isPresent) count.present++;
          if (isTold && isPresent) count.hits++;
        }
      }
    },
    result: () => reviewOf(counts, names, examples),
  };
}

function reviewOf(counts: readonly ClassCounts[], names: readonly string[], examples: number): Review {
  const classes = counts.map((count, label) => scoreOf(names[label] ?? String(label), count));
  const value = scoreOf("", sumOfCounts(counts)).f1;
  const guessing = bestConstant(counts, examples);
  const beatsGuessing = value > guessing;
  const worst = worstOf(classes);
  const figures = `F1 over all labels is ${value.toFixed(2)} on ${heldOutRows(examples)}`;
  const guess = `always saying the commonest labels would give ${guessing.toFixed(2)}`;
  const help = worst === undefined ? "" : `; more rows with "${worst.name}" would help most`;
  return {
    verdict: beatsGuessing ? `${figures}; ${guess}${help}` : `${doubt(false)}: ${figures}; ${guess}`,
    beatsGuessing,
    metric: { name: "f1", value, guessing },
    classes,
  };
}

/** The best F1 that one answer to everything gives: the labels that are most frequent, as many of them as is best. */
function bestConstant(counts: readonly ClassCounts[], examples: number): number {
  const { present } = sumOfCounts(counts);
  let [hits, best] = [0, 0];
  for (const [place, count] of counts.toSorted((a, b) => b.present - a.present).entries()) {
    hits += count.present;
    best = Math.max(best, scoreOf("", { hits, told: (place + 1) * examples, present }).f1);
  }
  return best;
}
