import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { FinetuneInput } from "../options/finetune-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { tinyPositions } from "../testing/tiny-checkpoint.js";
import { tinyRows } from "../testing/tiny-data.js";
import { evaluationRows, tinyPlace, tinyRun } from "../testing/tiny-run.js";

test("without --eval a share of the rows is held out; --limit-train and --limit-eval take the first", async () => {
  const place = await tinyPlace();
  const examples = async (options: Partial<FinetuneInput>) =>
    (await tinyRun({ steps: 1, eval: undefined, ...options }, place)).summary.examples;
  expect(await examples({})).toMatchObject({ train: 51, evaluation: 13 });
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

describe("refused", () => {
  test("more tokens than the model has positions, or no room for a word", async () => {
    const place = await tinyPlace();
    await expectRefusal(
      tinyRun({ maxLength: 41 }, place),
      "`maxLength` is 41, expected at most the model's 40 positions",
    );
    await expectRefusal(tinyRun({ maxLength: 2 }, place), "maximum length is 2 tokens");
  });

  test("a tokenizer with more tokens than the embedding", async () => {
    const place = await tinyPlace({ vocabularySize: 20 });
    await expectRefusal(
      tinyRun({}, place),
      /tokenizer\.json has ids up to \d+, but the embedding has 20 rows \(vocab_size in config\.json\)/,
    );
  });

  test.each([
    { text: "review", label: "label", missing: "review" },
    { text: "sentence", label: "stars", missing: "stars" },
  ])("a column that is not there: %j", async ({ text, label, missing }) => {
    const columns = '"sentence", "reply", "label", "score"';
    await expectRefusal(tinyRun({ text, label }), `train.tsv has no column "${missing}"; its columns are ${columns}`);
  });

  test("an evaluation label that training lacks", async () => {
    const place = await tinyPlace();
    await writeFile(place.evaluation, "sentence\tlabel\ngood film\tgood\nplot\tneutral\n");
    await expectRefusal(
      tinyRun({}, place),
      'eval.tsv, line 3: the label "neutral" is unknown, expected one of "bad", "good"',
    );
  });

  test("too few rows to hold some out", async () => {
    await expectRefusal(
      tinyRun({ eval: undefined }, await tinyPlace({}, { train: tinyRows(2) })),
      "2 examples with a held-out share of 0.2",
    );
  });
});
