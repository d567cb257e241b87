import { describe, expect, test } from "vitest";
import type { Dataset } from "../data/dataset.js";
import { reportOfData } from "./data-report.js";

type Row = readonly [text: string, label: number];

/** Texts of a token for each word, with a class each. */
function dataset(rows: readonly Row[], limit = 8): Dataset {
  const words = (index: number) => (rows[index]?.[0] ?? "").split(" ").length;
  return {
    length: rows.length,
    sizeOf: (index) => Math.min(limit, words(index)),
    load: (index) => rows[index],
    classOf: (index) => rows[index]?.[1] ?? 0,
    wasTruncated: (index) => words(index) > limit,
    sourceOf: (index) => ({ text: rows[index]?.[0] ?? "", line: index + 2 }),
  };
}

function report(train: readonly Row[], evaluation: readonly Row[], classes = ["no", "yes"]) {
  return reportOfData({
    task: { classes },
    train: dataset(train),
    evaluation: dataset(evaluation),
    maxLength: 8,
    hasOwnEvaluation: false,
  });
}

/** Rows of different texts. */
function rows(count: number, label: number, start = 0): Row[] {
  return Array.from({ length: count }, (_, index) => [`text number ${start + index}`, label]);
}

describe("a report of data", () => {
  test("counts rows, classes and tokens; without anything odd it has no note", () => {
    const found = report([...rows(20, 1), ...rows(30, 0, 20)], rows(5, 1, 50));
    expect(found).toEqual({
      train: 50,
      evaluation: 5,
      classes: [
        { name: "no", train: 30, evaluation: 0 },
        { name: "yes", train: 20, evaluation: 5 },
      ],
      tokens: { median: 3, longest: 3, limit: 8, cut: 0 },
      empty: 0,
      cutAway: 0,
      repeated: 0,
      contradictory: 0,
      shared: 0,
      notes: [],
    });
  });

  test("says which classes have no example, too few, or ten times fewer than another", () => {
    expect(report(rows(20, 0), rows(2, 1, 20)).notes).toEqual(['no training example is "yes": it cannot be learned']);
    expect(report([...rows(50, 0), ...rows(5, 1, 50)], []).notes).toEqual([
      'fewer than 8 training examples are "yes": more rows of it would help',
      '50 training examples are "no" and 5 "yes": `classWeights` balanced may help',
    ]);
  });

  test("counts texts that are empty, repeated, labelled in two ways, or trained on and measured", () => {
    const train: Row[] = [...rows(10, 0), ...rows(10, 1, 10), ["text number 0", 0], ["text number 1", 1], [" ", 0]];
    const found = report(train, [["text number 2", 0], ...rows(2, 1, 30)]);
    expect(found).toMatchObject({ empty: 1, repeated: 2, contradictory: 1, shared: 1 });
    expect(found.notes).toEqual([
      "1 text is empty",
      "2 training texts are there more than once",
      "1 training text has different labels in different rows",
      "1 held-out text is among the training texts too: what is measured on them is memory",
    ]);
  });

  test("says when many texts are cut, and when they look like identifiers", () => {
    const long: Row = ["a b c d e f g h i j", 0];
    expect(report([...rows(9, 1), ...rows(8, 0, 9), long, long, long], []).notes[0]).toBe(
      "3 of 20 texts are cut to 8 tokens; `maxLength` sets how many are kept",
    );
    const identifiers = Array.from({ length: 20 }, (_, index): Row => [`user-${index}`, index % 2]);
    expect(report(identifiers, []).notes).toEqual(["the texts are single words or numbers: is it the right column?"]);
  });

  test("calls images by their name, whose paths are no texts", () => {
    const paths = Array.from({ length: 20 }, (_, index): Row => [`cats/${index % 19}.png`, index % 2]);
    const images = { ...dataset(paths), imageSize: [32, 32] as const };
    const data = { train: images, evaluation: dataset([]), maxLength: 8, hasOwnEvaluation: false };
    expect(reportOfData({ task: { classes: ["no", "yes"] }, ...data }).notes).toEqual([
      "1 training image is there more than once",
      "1 training image has different labels in different rows",
    ]);
  });

  test("passes on what reading the data had to say", () => {
    const noted = { ...dataset(rows(20, 0)), notes: ["2 rows were left out"] };
    const { notes } = reportOfData({
      task: {},
      train: noted,
      evaluation: noted,
      maxLength: 8,
      hasOwnEvaluation: true,
    });
    expect(notes[0]).toBe("2 rows were left out");
  });
});
