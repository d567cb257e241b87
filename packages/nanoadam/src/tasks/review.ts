/** What a task says, beside its metrics, of a model's answers to labelled examples: in numbers, and in a sentence. */
import type { Batch } from "../data/batch.js";
import type { ExampleSource } from "../data/dataset.js";
import { isBetterLower } from "./metrics.js";

/** How well one class, or label, is told. */
export interface ClassScore {
  readonly name: string;
  /** Examples that are of it. */
  readonly examples: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Examples of one class that were taken for another. */
export interface Confusion {
  readonly label: string;
  readonly predicted: string;
  readonly count: number;
}

/** An example that was answered wrongly. */
export interface Mistake extends ExampleSource {
  readonly label: string | number;
  readonly predicted: string | number;
  /** How sure the answer was, where it is one of several. */
  readonly probability?: number;
}

/** A model's answers, looked through. */
export interface Review {
  /** One sentence: how good, compared with what guessing gives, and what would help most. */
  readonly verdict: string;
  /** Whether the answers are better than guessing by more than chance explains. */
  readonly beatsGuessing: boolean;
  /** The metric that the verdict is about, and what guessing would give, or the model before training gave. */
  readonly metric: { readonly name: string; readonly value: number; readonly guessing: number };
  readonly classes?: readonly ClassScore[];
  /** The most frequent first. */
  readonly confusions?: readonly Confusion[];
  /** The surest, or largest, first: often it is the label that is wrong. */
  readonly mistakes?: readonly Mistake[];
}

/** What a model made of a batch. */
export interface ReviewedAnswers {
  readonly logits: Float32Array;
  readonly batch: Batch;
  /** Which examples of the data set the batch is of, in its order. */
  readonly indices: readonly number[];
}

/** All answers as a picture shows them: how often each class was taken for each, or numbers beside those expected. */
export type AnswersShown =
  | {
      readonly kind: "classes";
      readonly names: readonly string[];
      /** By the class that an example is of, then by the one that it was taken for. */
      readonly counts: readonly (readonly number[])[];
    }
  | { readonly kind: "numbers"; readonly pairs: readonly { readonly expected: number; readonly predicted: number }[] };

/** Takes in the logits of batch after batch, then gives the review. */
export interface ReviewAccumulator {
  add(answers: ReviewedAnswers): void;
  result(): Review;
  /** The examples that the result's mistakes are, in their order. */
  mistaken?(): readonly number[];
  shown?(): AnswersShown;
}

/** Values by metric name. */
type MetricValues = Readonly<Record<string, number>>;

/**
 * The review of answers that guessing has no figure for, as those of language models: what training changed.
 * @param metric the usual one of the task; of losses and perplexities the lower is the better
 */
export function reviewOfChange(metric: string, before: MetricValues, final: MetricValues, examples: number): Review {
  const [value, start] = [final[metric] ?? Number.NaN, before[metric] ?? Number.NaN];
  const isBetter = isBetterLower(metric) ? value < start : value > start;
  const figures = `${metric} ${value.toPrecision(3)} on ${heldOutRows(examples)}; it was ${start.toPrecision(3)} before training`;
  return {
    verdict: isBetter ? figures : `no better than before training: ${figures}`,
    beatsGuessing: isBetter,
    metric: { name: metric, value, guessing: start },
  };
}

/** Confusions and mistakes that a review lists at most. */
export const mostListed = 10;

/** "120 held-out rows", or of what the examples are. */
export function heldOutRows(count: number, one = "row"): string {
  return count === 1 ? `1 held-out ${one}` : `${count} held-out ${one}s`;
}

/** What answers are called that are not better than guessing by more than chance explains. */
export function doubt(areBetter: boolean): string {
  return areBetter ? "perhaps no better than guessing, by so few rows" : "no better than guessing";
}

/** "87 %": in whole per cents, as a sentence has it. */
export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** Of a class: how many examples are of it, how many were told to be, and how many of those rightly. */
export interface ClassCounts {
  readonly present: number;
  readonly told: number;
  readonly hits: number;
}

/** Precision, recall and F1 of counts; 0 where a denominator is zero. */
export function scoreOf(name: string, { present, told, hits }: ClassCounts): ClassScore {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  return {
    name,
    examples: present,
    precision: share(hits, told),
    recall: share(hits, present),
    f1: share(2 * hits, present + told),
  };
}

/** The counts of several classes together. */
export function sumOfCounts(counts: Iterable<ClassCounts>): ClassCounts {
  let [present, told, hits] = [0, 0, 0];
  for (const each of counts) {
    present += each.present;
    told += each.told;
    hits += each.hits;
  }
  return { present, told, hits };
}

/** The class that is told worst, by F1, of those that there are examples of. */
export function worstOf(classes: readonly ClassScore[]): ClassScore | undefined {
  return classes.filter(({ examples }) => examples > 0).toSorted((a, b) => a.f1 - b.f1)[0];
}
