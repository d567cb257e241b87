/** The output of evaluate and predict. */
import { expect, test } from "vitest";
import { runCli } from "../testing/run-cli.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";

test("predictions and evaluations go to stdout, as JSON when asked", async () => {
  const rows = tinyRows(4, 99);
  const place = await tinyPlace({}, { evaluation: rows });
  const { folder } = await tinyRun({}, place);
  const one = await runCli("predict", "--model", folder, "--text", "good film");
  expect(one).toMatchObject({
    exitCode: 0,
    stderr: "",
    stdout: expect.stringMatching(/^(good|bad)\t\d+\.\d %\tgood film\n$/),
  });
  const labelled = ["--json", "--model", folder, "--data", place.evaluation, "--text", "sentence"];
  const many = await runCli("predict", ...labelled);
  const texts = many.stdout.trimEnd().split("\n");
  expect(texts.map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(
    rows.map(({ sentence }) => sentence),
  );
  const report = await runCli("evaluate", ...labelled, "--label", "label");
  expect(JSON.parse(report.stdout)).toMatchObject({ task: "classification", examples: 4 });
});
