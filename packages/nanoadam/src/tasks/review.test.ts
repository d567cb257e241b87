import { describe, expect, test } from "vitest";
import type { Dataset } from "../data/dataset.js";
import { classReview } from "./class-review.js";
import { labelSetReview } from "./label-set-review.js";
import { numberReview } from "./number-review.js";
import { type ReviewAccumulator, reviewOfChange } from "./review.js";

/** Examples that are known by class or number alone. */
function examples(own: Pick<Dataset, "classOf" | "targetsOf">, length: number): Dataset {
  return {
    length,
    sizeOf: () => 1,
    load: (index) => index,
    sourceOf: (index) => ({ text: `text ${index}`, line: index + 2 }),
    ...own,
  };
}

function reviewed(review: ReviewAccumulator, rows: readonly (readonly number[])[]) {
  // In two batches, and not in the order of the examples, as batches of like sizes are.
  const order = rows.map((_, index) => index).reverse();
  for (const batch of [order.slice(0, 2), order.slice(2)]) {
    const logits = Float32Array.from(batch.flatMap((index) => rows[index] ?? []));
    review.add({ logits, batch: { tensors: new Map(), weight: 0 }, indices: batch });
  }
  return review.result();
}

describe("one class each", () => {
  const expected = [0, 0, 0, 1, 1, 2];
  const dataset = examples({ classOf: (index) => expected[index] ?? 0 }, expected.length);
  const logits = [
    [5, 0, 0],
    [1, 0, 0],
    [0, 9, 0],
    [0, 5, 0],
    [0, 2, 0],
    [0, 1, 0],
  ];
  const review = reviewed(classReview(["a", "b", "c"], dataset), logits);

  test("precision, recall and F1 are by class, 0 for a class that is never told", () => {
    expect(review.classes).toEqual([
      { name: "a", examples: 3, precision: 1, recall: 2 / 3, f1: 0.8 },
      { name: "b", examples: 2, precision: 0.5, recall: 1, f1: 4 / 6 },
      { name: "c", examples: 1, precision: 0, recall: 0, f1: 0 },
    ]);
  });

  test("confusions are counted, and the surest mistakes come first with their texts", () => {
    expect(review.confusions).toEqual([
      { label: "c", predicted: "b", count: 1 },
      { label: "a", predicted: "b", count: 1 },
    ]);
    expect(review.mistakes?.map(({ text, line, label, predicted }) => [text, line, label, predicted])).toEqual([
      ["text 2", 4, "a", "b"],
      ["text 5", 7, "c", "b"],
    ]);
    expect(review.mistakes?.[0]?.probability).toBeCloseTo(1, 3);
  });

  test("four of six right are not beyond what always saying the commonest class gives", () => {
    expect(review.metric).toEqual({ name: "accuracy", value: 4 / 6, guessing: 0.5 });
    expect(review.beatsGuessing).toBe(false);
    expect(review.verdict).toBe(
      'perhaps no better than guessing, by so few rows: 67 % right on 6 held-out rows; always saying "a" would be right on 50 %',
    );
  });

  test("many right are, and the class that more rows would help is named", () => {
    const classes = Array.from({ length: 100 }, (_, index) => (index < 40 ? 0 : index < 80 ? 1 : 2));
    const many = examples({ classOf: (index) => classes[index] ?? 0 }, 100);
    const answers = classes.map((own, index) => [0, 1, 2].map((id) => (id === (index >= 90 ? 0 : own) ? 1 : 0)));
    const { verdict, beatsGuessing } = reviewed(classReview(["a", "b", "c"], many), answers);
    expect(beatsGuessing).toBe(true);
    expect(verdict).toBe(
      '90 % right on 100 held-out rows; always saying "a" would be right on 40 %; more rows of "c" would help most',
    );
  });
});

describe("a number each", () => {
  const numbers = Array.from({ length: 40 }, (_, index) => index / 10);
  const dataset = examples({ targetsOf: (index) => [numbers[index] ?? 0] }, numbers.length);
  const numberOf = (index: number) => numbers[index] ?? 0;

  test("is judged by how far it is off, against always saying the mean", () => {
    const review = reviewed(
      numberReview(numberOf, dataset),
      numbers.map((number, index) => [index === 7 ? number + 1 : number]),
    );
    expect(review.metric.value).toBeCloseTo(1 / 40, 6);
    expect(review.metric.guessing).toBeCloseTo(1, 6);
    expect(review.verdict).toBe(
      "off by 0.025 on average on 40 held-out rows; always saying 1.95 would be off by 1.0; the correlation is 0.99",
    );
    expect(review.mistakes?.[0]).toMatchObject({ text: "text 7", label: 0.7 });
  });

  test("that is the same for all is no better than guessing", () => {
    const review = reviewed(
      numberReview(numberOf, dataset),
      numbers.map(() => [1.95]),
    );
    expect(review.beatsGuessing).toBe(false);
    expect(review.verdict).toMatch(/^no better than guessing: off by 1/);
  });
});

test("sets of labels are judged by F1, against the best answer that is the same for all", () => {
  const sets = [
    [1, 0, 1],
    [1, 1, 0],
    [1, 0, 0],
    [0, 1, 0],
  ];
  const review = reviewed(
    labelSetReview(["a", "b", "c"], (index) => sets[index] ?? []),
    sets.map((set) => set.map((value, label) => (label === 2 ? -1 : value - 0.5))),
  );
  expect(review.classes?.map(({ f1 }) => f1)).toEqual([1, 1, 0]);
  expect(review.metric).toEqual({ name: "f1", value: 10 / 11, guessing: 10 / 14 });
  expect(review.verdict).toBe(
    'F1 over all labels is 0.91 on 4 held-out rows; always saying the commonest labels would give 0.71; more rows with "c" would help most',
  );
});

test("what guessing has no figure for is compared with the model before training", () => {
  const [before, final] = [
    { loss: 3, perplexity: 20.09 },
    { loss: 2, perplexity: 7.389 },
  ];
  expect(reviewOfChange("perplexity", before, final, 30)).toEqual({
    verdict: "perplexity 7.39 on 30 held-out rows; it was 20.1 before training",
    beatsGuessing: true,
    metric: { name: "perplexity", value: 7.389, guessing: 20.09 },
  });
  expect(reviewOfChange("f1", { f1: 0.5 }, { f1: 0.5 }, 1).verdict).toBe(
    "no better than before training: f1 0.500 on 1 held-out row; it was 0.500 before training",
  );
});
