/** The review of answers that are one class each. */
import type { Dataset } from "../data/dataset.js";
import { argmax, probabilitiesOf, rowsOf } from "./logits.js";
import {
  type ClassScore,
  type Confusion,
  doubt,
  heldOutRows,
  type Mistake,
  mostListed,
  percent,
  type Review,
  type ReviewAccumulator,
  scoreOf,
  worstOf,
} from "./review.js";

interface Answer {
  readonly index: number;
  readonly expected: number;
  readonly predicted: number;
  readonly probability: number;
}

/** @param names the classes, by id */
export function classReview(names: readonly string[], dataset: Dataset): ReviewAccumulator {
  const answers: Answer[] = [];
  return {
    add({ logits, indices }) {
      for (const [row, own] of rowsOf(logits, names.length).entries()) {
        const index = indices[row] ?? 0;
        const predicted = argmax(own);
        const probability = probabilitiesOf(own)[predicted] ?? Number.NaN;
        answers.push({ index, expected: dataset.classOf?.(index) ?? 0, predicted, probability });
      }
    },
    result: () => reviewOf(answers, names, dataset),
    mistaken: () => surestMistakes(answers).map(({ index }) => index),
    shown() {
      const counts = names.map(() => names.map(() => 0));
      for (const { expected, predicted } of answers) {
        const row = counts[expected];
        if (row !== undefined) row[predicted] = (row[predicted] ?? 0) + 1;
      }
      return { kind: "classes", names, counts };
    },
  };
}

function reviewOf(answers: readonly Answer[], names: readonly string[], dataset: Dataset): Review {
  const nameOf = (id: number) => names[id] ?? String(id);
  const one = dataset.imageSize === undefined ? "row" : "image";
  const wrong = answers.filter(({ expected, predicted }) => expected !== predicted);
  const classes = scoresOf(answers, names);
  const commonest = classes.reduce((most, each) => (each.examples > most.examples ? each : most));
  const value = (answers.length - wrong.length) / answers.length;
  const guessing = commonest.examples / answers.length;
  const beatsGuessing = isBeyondChance(value, guessing, answers.length);
  const figures = `${percent(value)} right on ${heldOutRows(answers.length, one)}; always saying "${commonest.name}" would be right on ${percent(guessing)}`;
  const verdict = beatsGuessing ? `${figures}${helpOf(classes, value, one)}` : `${doubt(value > guessing)}: ${figures}`;
  return {
    verdict,
    beatsGuessing,
    metric: { name: "accuracy", value, guessing },
    classes,
    confusions: confusionsOf(wrong, nameOf),
    mistakes: surestMistakes(answers).map(
      ({ index, expected, predicted, probability }): Mistake => ({
        ...(dataset.sourceOf?.(index) ?? { text: "", line: 0 }),
        label: nameOf(expected),
        predicted: nameOf(predicted),
        probability,
      }),
    ),
  };
}

function surestMistakes(answers: readonly Answer[]): Answer[] {
  return answers
    .filter(({ expected, predicted }) => expected !== predicted)
    .toSorted((a, b) => b.probability - a.probability || a.index - b.index)
    .slice(0, mostListed);
}

/** The score of each class, in one pass over the answers. */
function scoresOf(answers: readonly Answer[], names: readonly string[]): ClassScore[] {
  const counts = names.map(() => ({ present: 0, told: 0, hits: 0 }));
  for (const { expected, predicted } of answers) {
    const [own, other] = [counts[expected], counts[predicted]];
    if (own !== undefined) own.present++;
    if (other !== undefined) other.told++;
    if (own !== undefined && own === other) own.hits++;
  }
  return counts.map((each, id) => scoreOf(names[id] ?? String(id), each));
}

function confusionsOf(wrong: readonly Answer[], nameOf: (id: number) => string): Confusion[] {
  const counts = new Map<string, Confusion>();
  for (const { expected, predicted } of wrong) {
    const key = `${expected} ${predicted}`;
    const count = (counts.get(key)?.count ?? 0) + 1;
    counts.set(key, { label: nameOf(expected), predicted: nameOf(predicted), count });
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count).slice(0, mostListed);
}

/** Two standard deviations of how often guessing is right on so many examples. */
function isBeyondChance(value: number, guessing: number, examples: number): boolean {
  return value > guessing + 2 * Math.sqrt((guessing * (1 - guessing)) / examples);
}

/** So good that more rows are no matter. */
const goodAccuracy = 0.97;

/** Which class more rows of would help most: that with the lowest F1 among those seen. */
function helpOf(classes: readonly ClassScore[], accuracy: number, one: string): string {
  const worst = worstOf(classes);
  if (worst === undefined || accuracy >= goodAccuracy) return "";
  return `; more ${one}s of "${worst.name}" would help most`;
}
