import { expect, test } from "vitest";
import type { FinetuneInput } from "../options/options.js";
import { tinyPositions } from "../testing/tiny-checkpoint.js";
import { tinyRows } from "../testing/tiny-data.js";
import { evaluationRows, tinyPlace, tinyRun } from "../testing/tiny-run.js";

test("without --eval a share of the rows is held out; --limit-train and --limit-eval take the first", async () => {
  const place = await tinyPlace();
  const examples = async (options: Partial<FinetuneInput>) =>
    (await tinyRun({ steps: 1, eval: undefined, ...options }, place)).summary.examples;
  expect(await examples({})).toMatchObject({ train: 58, evaluation: 6 });
  expect(await examples({ evalShare: 0.25 })).toMatchObject({ train: 48, evaluation: 16 });
  expect(await examples({ evalShare: 0.25, limitTrain: 20, limitEval: 3 })).toMatchObject({
    train: 15,
    evaluation: 3,
  });
});

test("texts longer than --max-length are cut, and counted", async () => {
  const { summary } = await tinyRun({ maxLength: 5, steps: 1 });
  const lengths = [...tinyRows(64), ...evaluationRows].map(({ sentence }) => sentence.split(" ").length);
  expect(summary.examples.truncated).toBe(lengths.filter((length) => length > 3).length);
});

test("texts longer than the model's positions are cut without being asked, and counted", async () => {
  const rows = tinyRows(16).map((row) => ({ ...row, sentence: `${row.sentence} ${"film ".repeat(100)}` }));
  const place = await tinyPlace({}, { train: rows });
  const { summary } = await tinyRun({ steps: 1 }, place);
  expect(summary.configuration.maxLength).toBe(tinyPositions);
  expect(summary.examples.truncated).toBe(16);
});
