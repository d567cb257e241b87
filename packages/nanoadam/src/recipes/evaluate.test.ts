import { expect, test } from "vitest";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { evaluate } from "./open-model.js";

test.each([
  ["classification", "label", {}],
  ["classification", "label", { labelSmoothing: 0.2, classWeights: "balanced" }],
  ["regression", "score", {}],
  ["masked-lm", undefined, {}],
] as const)("%s of %s with %o: the written folder evaluates to the run's last numbers", async (task, label, extra) => {
  const uneven = [...tinyRows(40), ...tinyRows(80, 3).filter((row) => row.label === "good")];
  const place = await tinyPlace({}, { train: uneven });
  const { folder, summary } = await tinyRun({ task, label, steps: 12, ...extra }, place);
  const report = await evaluate({
    model: folder,
    data: place.evaluation,
    text: "sentence",
    label,
    batchSize: 8,
    threads: 1,
  });
  expect(report).toMatchObject({ task, examples: 24, truncated: 0 });
  expect(Object.keys(report.evaluation)).toEqual(Object.keys(summary.evaluation.final));
  for (const [name, value] of Object.entries(summary.evaluation.final)) {
    expect(Math.abs((report.evaluation[name] ?? Number.NaN) - value), name).toBeLessThan(1e-6);
  }
});

test("the loss of an evaluation does not depend on the batch size, weighted classes or not", async () => {
  const place = await tinyPlace();
  const { folder, summary } = await tinyRun({ steps: 12, classWeights: "balanced", limitTrain: 9 }, place);
  for (const batchSize of [1, 7, 24]) {
    const { evaluation: found } = await evaluate({
      model: folder,
      data: place.evaluation,
      text: "sentence",
      label: "label",
      batchSize,
    });
    expect(found.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
  }
});
