import { expect, test } from "vitest";
import type { DataReport } from "../train/data-report.js";
import { dataLines } from "./data-lines.js";

const report: DataReport = {
  train: 1200,
  evaluation: 130,
  classes: Array.from({ length: 10 }, (_, id) => ({ name: `class-${id}`, train: 200 - 20 * id, evaluation: 13 })),
  tokens: { median: 14, longest: 128, limit: 128, cut: 17 },
  empty: 0,
  cutAway: 0,
  repeated: 3,
  contradictory: 0,
  shared: 0,
  notes: ["3 training texts are there more than once", "200 ...: `classWeights` balanced may help"],
};

test("data are told in counts, the classes in one line, and what is worth a look in a line each, with flags", () => {
  expect(dataLines(report)).toEqual([
    "data: 1,200 rows to train on, 130 to evaluate; texts of 14 tokens in the median, 128 at most, 17 cut to 128",
    "10 classes: class-0 200, class-1 180, class-2 160, class-3 140, class-4 120, class-5 100, class-6 80, class-7 60, 2 more with 20 to 40",
    "note: 3 training texts are there more than once",
    "note: 200 ...: --class-weights balanced may help",
  ]);
  expect(dataLines({ ...report, imageSize: [24, 32] })[0]).toBe(
    "data: 1,200 images to train on, 130 to evaluate, each brought to 32 x 24 pixels",
  );
  const { classes: _classes, ...numbers } = report;
  expect(dataLines({ ...numbers, notes: [] })).toHaveLength(1);
  expect(dataLines({ ...numbers, imageSize: [224, 224], notes: [] })).toEqual([
    "data: 1,200 images to train on, 130 to evaluate, each brought to 224 x 224 pixels",
  ]);
});
