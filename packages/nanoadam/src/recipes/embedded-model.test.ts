import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openModelFolder } from "../checkpoint/adapter.js";
import { expectRefusal } from "../testing/refusal.js";
import { runCli } from "../testing/run-cli.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { tinyRows } from "../testing/tiny-data.js";
import { evaluate } from "./evaluate.js";
import { exportModel } from "./export.js";
import { finetune } from "./finetune.js";
import { type Prediction, predict } from "./predict.js";

const rows = tinyRows(24).map(({ sentence, label }) => ({ text: sentence, label }));
const quick = { model: "demo", train: rows, steps: 2, threads: 1 } as const;

test("a run starts from the encoder of the package by its name, and its result stands alone", async () => {
  const output = join(await temporaryFolder(), "model");
  const summary = await finetune({ ...quick, output });
  expect(summary.model).toEqual({ source: "demo", architecture: "BertForSequenceClassification", type: "bert" });
  const [prediction] = await predict({ model: output, text: "a good film", threads: 1 });
  expect(prediction).toMatchObject({ text: "a good film", label: expect.stringMatching(/^(good|bad)$/) });
  expect(await readFile(join(output, "config.json"), "utf8")).not.toContain("demo");
});

test("so does an adapter, which is merged into it wherever one is", async () => {
  const folder = await temporaryFolder();
  const adapter = join(folder, "adapter");
  await finetune({ ...quick, output: adapter, loraRank: 2 });
  expect(JSON.parse(await readFile(join(adapter, "adapter_config.json"), "utf8"))).toMatchObject({
    base_model_name_or_path: "demo",
  });
  const merged = join(folder, "merged");
  await exportModel({ model: adapter, merge: true, output: merged });
  const answers = [adapter, merged].map((model) => predict({ model, text: "a good film", threads: 1 }));
  const [[own], [same]] = (await Promise.all(answers)) as [Prediction[], Prediction[]];
  expect(same).toMatchObject({ label: expect.any(String) });
  expect(same).toEqual({ ...own, probability: expect.any(Number), probabilities: expect.any(Object) });
});

test("it is measured as what it is, and has no answers yet", async () => {
  const { task, evaluation } = await evaluate({ model: "demo", data: rows, threads: 1 });
  expect(task).toBe("masked-lm");
  expect(evaluation.loss).toBeGreaterThan(0);
  await expectRefusal(predict({ model: "demo", text: "a good film" }), "demo is a masked-lm checkpoint");
  await expectRefusal(exportModel({ model: "demo", merge: true, output: "none" }), "demo has no adapter_config.json");
});

test("a folder of that name in the working directory is meant before it", async () => {
  const before = process.cwd();
  onTestFinished(() => process.chdir(before));
  process.chdir(await temporaryFolder());
  await writeTinyCheckpoint("demo");
  const own = await openModelFolder("demo");
  onTestFinished(() => own.close());
  expect(own.folder).toBe("demo");
});

test("with a file of usual columns nothing else need be said", async () => {
  const before = process.cwd();
  onTestFinished(() => process.chdir(before));
  process.chdir(await temporaryFolder());
  await writeFile(
    "reviews.csv",
    ["Review,Stars,Sentiment", ...rows.map((row) => `${row.text},5,${row.label}`)].join("\n"),
  );
  const run = await runCli("finetune", "--model", "demo", "--train", "reviews.csv", "--steps", "2", "--threads", "1");
  expect(run).toMatchObject({ exitCode: 0 });
  expect(run.stderr).toContain('"Review" is taken as the text and "Sentiment" is taken as the label');
  expect(run.stdout).toContain("written to reviews-model");
  const summary = JSON.parse(await readFile("reviews-model/summary.json", "utf8"));
  expect(summary.configuration).toMatchObject({ text: ["Review"], label: ["Sentiment"], output: "reviews-model" });
  const told = await runCli("predict", "reviews.csv", "--model", "reviews-model", "--threads", "1", "--quiet");
  expect(told.stdout.trim().split("\n")).toHaveLength(rows.length);
  expect(told.stderr).toContain('reviews.csv: "Review" is taken as the text');
});
