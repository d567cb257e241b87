import picocolors from "picocolors";
import { expect, test } from "vitest";
import { comparisonTable, costLines } from "./demo-comparison.js";
import { accuracyLine } from "./demo-training.js";

const colors = picocolors.createColors(false);

const summary = {
  evaluation: { before: { loss: 2, accuracy: 0.125 }, final: { loss: 1, accuracy: 0.63 } },
  optimizerStateBytes: 800_000,
  parameters: {
    total: 1_600_000,
    selected: { count: 160_000, share: 0.1 },
    dense: { count: 1_000, share: 0 },
    everChanged: { count: 400_000, share: 0.25 },
    meanShift: 1,
    zeros: { count: 0, share: 0 },
  },
  wallSeconds: 25,
};

test("the accuracy climbs, line by line", () => {
  const line = (step: number, epoch: number, accuracy: number) =>
    accuracyLine({ step, epoch, eval: { loss: 1, accuracy } }, colors);
  expect(line(0, 0, 0.1)).toBe("before training   10 % right  ███░░░░░░░░░░░░░░░░░░░░░░░░░░░");
  expect(line(61, 1, 0.5)).toBe("after epoch 1     50 % right  ███████████████░░░░░░░░░░░░░░░");
});

test("what AdamW would keep is told from the number of weights, and said to be computed", () => {
  expect(costLines(summary)).toEqual([
    "NanoAdam changed 25.0 % of the weights and kept 800 kB of optimizer state.",
    "AdamW moves any weight and would keep 12.8 MB, 16 times as much",
    "(computed, 8 bytes a weight; nanoadam demo --compare runs it).",
  ]);
});

test("runs beside each other", () => {
  expect(comparisonTable([{ name: "NanoAdam", summary }])).toEqual([
    "           accuracy   optimizer state   weights changed   time",
    "NanoAdam     63.0 %            800 kB            25.0 %    25s",
  ]);
});
