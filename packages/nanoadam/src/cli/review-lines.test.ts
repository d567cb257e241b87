import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Review } from "../tasks/review.js";
import { reviewLines } from "./review-lines.js";

const review: Review = {
  verdict: '90 % right on 40 held-out rows; always saying "refund" would be right on 50 %',
  beatsGuessing: true,
  metric: { name: "accuracy", value: 0.9, guessing: 0.5 },
  classes: [
    { name: "refund", examples: 20, precision: 0.95, recall: 0.9, f1: 0.924 },
    { name: "delivery-is-late", examples: 20, precision: 0.905, recall: 0.95, f1: 0.927 },
  ],
  confusions: [{ label: "refund", predicted: "delivery-is-late", count: 2 }],
  mistakes: [
    {
      line: 7,
      text: `Where is it?\n${"very ".repeat(20)}late`,
      label: "refund",
      predicted: "delivery-is-late",
      probability: 0.97,
    },
  ],
};

describe("a review", () => {
  test("is a table of the classes, the confusions that matter and the surest mistakes, a line each", () => {
    expect(reviewLines(review, 80)).toEqual([
      "                  precision  recall    F1  rows",
      "refund                 95 %    90 %  0.92    20",
      "delivery-is-late       91 %    95 %  0.93    20",
      'most confused: 2 of "refund" taken for "delivery-is-late"',
      "surest mistakes (is the label right?):",
      '  line 7: "Where is it? very very very very very very very very very..." is labelled refund, told as delivery-is-late (97 %)',
    ]);
  });

  test("fits a narrow window with its table: long names are cut", () => {
    expect(reviewLines(review, 40).slice(0, 3)).toEqual([
      "          precision  recall    F1  rows",
      "refund         95 %    90 %  0.92    20",
      "delivery       91 %    95 %  0.93    20",
    ]);
  });

  test("of numbers has mistakes alone", () => {
    const mistakes = [{ line: 2, text: "a", textPair: "b", label: 4.5, predicted: 1.25 }];
    expect(reviewLines({ verdict: "", beatsGuessing: true, metric: review.metric, mistakes }, 80)).toEqual([
      "surest mistakes (is the label right?):",
      '  line 2: "a | b" is labelled 4.50, told as 1.25',
    ]);
  });

  test("of images has the ends of their places, and no lines", () => {
    const text = `/data/${"a".repeat(60)}/rose/7.jpg`;
    const mistakes = [{ line: 0, text, isImage: true, label: "rose", predicted: "tulip", probability: 0.5 }];
    expect(reviewLines({ verdict: "", beatsGuessing: true, metric: review.metric, mistakes }, 80)[1]).toBe(
      `  "...${text.slice(-57)}" is labelled rose, told as tulip (50 %)`,
    );
  });

  test("of many classes shows those that are told worst", () => {
    const f1s = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 21, maxLength: 40 });
    fc.assert(
      fc.property(f1s, (values) => {
        const classes = values.map((f1, id) => ({ name: `c${id}`, examples: 1, precision: f1, recall: f1, f1 }));
        const lines = reviewLines({ ...review, classes, confusions: [], mistakes: [] }, 80);
        expect(lines).toHaveLength(1 + 20 + 1);
        const worst = values.toSorted((a, b) => a - b)[0] ?? 0;
        expect(lines[1]).toContain(worst.toFixed(2));
        expect(lines.at(-1)).toBe(`and ${values.length - 20} classes that are told better`);
      }),
    );
  });
});
