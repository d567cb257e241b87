import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EvaluateInput } from "../options/saved-model-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";

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

describe("refused", () => {
  test.each(["none", "bare"] as const)("a checkpoint without a head (%s)", async (head) => {
    const { model, evaluation: data } = await tinyPlace({ head });
    await expectRefusal(
      evaluate({ model, data, text: "sentence", label: "label" }),
      `${model} has no classification head`,
      "classifier.weight",
      "run nanoadam finetune first",
    );
  });

  test("labels that the checkpoint does not know, a missing column or file, no label, and too long texts", async () => {
    const place = await tinyPlace();
    const { folder: model } = await tinyRun({}, place);
    const data = join(place.folder, "new.tsv");
    await writeFile(data, "sentence\tlabel\ngood film\tgood\ngood cast\tbest\n");
    const refusal = (options: Partial<EvaluateInput>, message: string) =>
      expectRefusal(evaluate({ model, data, text: "sentence", label: "label", threads: 1, ...options }), message);
    await refusal({}, 'new.tsv, line 3: the label "best" is unknown, expected one of "bad", "good"');
    await refusal({ text: "review" }, 'new.tsv has no column "review"');
    const unnamed = join(place.folder, "unnamed.tsv");
    await writeFile(unnamed, "words\tanswer\tid\ngood film\tgood\t1\n");
    await refusal(
      { data: unnamed, text: undefined, label: undefined },
      "`text` and `label` are needed, as the names of the columns of",
    );
    await refusal({ data: join(place.folder, "none.tsv") }, "none.tsv could not be read: no such file");
    await refusal({ maxLength: 400 }, "`maxLength` is 400, expected at most");
  });

  test("a label where the checkpoint hides words, and none is told", async () => {
    const { model, evaluation: data } = await tinyPlace({ head: "masked-lm" });
    await expectRefusal(
      evaluate({ model, data, text: "sentence", label: "label" }),
      `\`label\` cannot go with ${model}, a masked-lm checkpoint by its config.json (architectures)`,
      "run nanoadam finetune first",
    );
  });

  test("a regression of several numbers", async () => {
    const { model, evaluation: data } = await tinyPlace({
      head: { labels: 2 },
      config: { problem_type: "regression" },
    });
    await expectRefusal(
      evaluate({ model, data, text: "sentence", label: "score" }),
      'config.json: problem_type is "regression" with 2 labels, expected 1',
    );
  });

  test("a regression's label that is no number", async () => {
    const place = await tinyPlace();
    const { folder: model } = await tinyRun({ task: "regression", label: "score" }, place);
    await expectRefusal(
      evaluate({ model, data: place.evaluation, text: "sentence", label: "label" }),
      'eval.tsv, line 2: the label "good" is not a finite number',
    );
  });
});
