/** `nanoadam continual` as people use it: flags, a file, what is printed. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ContinualReport } from "../continual/report.js";
import { runCli } from "../testing/run-cli.js";
import { tinyPlace } from "../testing/tiny-run.js";

async function workplace() {
  const { folder, model, train, evaluation } = await tinyPlace();
  const output = join(folder, "out");
  const shared = ["--model", model, "--output", output, "--text", "sentence", "--threads", "1", "--batch-size", "8"];
  return { folder, output, train, evaluation, shared };
}

test("tasks by flags: each with its data, kind, length and rate; the table comes last", async () => {
  const { output, train, evaluation, shared } = await workplace();
  const { exitCode, stdout, stderr } = await runCli(
    "continual",
    ...shared,
    ...["--tasks", `${train},${evaluation}`, "--eval", `${evaluation},`, "--names", "first,second", "--label", "label"],
    ...["--steps", "2,3", "--learning-rate", "1e-3,2e-3", "--optimizer", "sgd", "--return"],
  );
  expect(stderr).toMatch(/^first, task 1 of 2\n/);
  expect(stderr).toMatch(/^first after second: accuracy 0\.\d{4} /m);
  expect(stdout).toMatch(/^\| {2}\| first \(accuracy\) \| second \(accuracy\) \|\n/);
  expect(stdout).toMatch(/\nAverage 0\.\d{4}\.\nForgetting -?0\.\d{4}\.\nwritten to /);
  expect(exitCode).toBe(0);
  const report = JSON.parse(await readFile(join(output, "continual.json"), "utf8")) as ContinualReport;
  expect(report.tasks.map(({ training }) => [training?.optimizer, training?.steps, training?.learningRate])).toEqual([
    ["sgd", 2, 1e-3],
    ["sgd", 3, 2e-3],
  ]);
});

test("tasks by a file, whose paths count from here, and flags that win over it", async () => {
  const { folder, train, evaluation, shared } = await workplace();
  const config = join(folder, "tasks.json");
  const tasks = [
    { name: "label", train, eval: evaluation, label: "label" },
    { name: "score", train, eval: evaluation, label: "score", task: "regression", "learning-rate": 2e-3 },
  ];
  await writeFile(
    config,
    JSON.stringify({ tasks, optimizer: "adamw", "learning-rate": 1e-3, return: true, epochs: 5 }),
  );
  const { exitCode, stdout, stderr } = await runCli(
    "continual",
    ...shared,
    "--config",
    config,
    "--steps",
    "2",
    "--json",
  );
  expect([exitCode, stderr]).toEqual([0, ""]);
  const report = JSON.parse(stdout) as ContinualReport;
  expect(report.tasks.map(({ task, training }) => [task, training?.steps, training?.learningRate])).toEqual([
    ["classification", 2, 1e-3],
    ["regression", 2, 2e-3],
  ]);
});

test("a preset for all tasks, with rates of each", async () => {
  const { train, evaluation, shared } = await workplace();
  const { exitCode, stdout, stderr } = await runCli(
    "continual",
    ...shared,
    ...["--preset", "glue/cola", "--tasks", `${train},${train}`, "--eval", `${evaluation},${evaluation}`],
    ...["--max-length", "16", "--steps", "2", "--learning-rate", "1e-3,2e-3", "--json"],
  );
  expect([exitCode, stderr]).toEqual([0, ""]);
  const { configuration, tasks } = JSON.parse(stdout) as ContinualReport;
  expect(configuration).toMatchObject({ maskInterval: 6, densityInterval: 33, finalDensity: 0.04 });
  expect(tasks.map(({ training }) => [training?.optimizer, training?.steps, training?.learningRate])).toEqual([
    ["nanoadam", 2, 1e-3],
    ["nanoadam", 2, 2e-3],
  ]);
});

test.each([
  [[], "--tasks is needed"],
  [["--tasks", "a.csv"], "--tasks is [{"],
  [["--tasks", "a.csv,b.csv", "--epochs", "1,2,3"], "--epochs has 3 values for 2 --tasks"],
  [["--tasks", "a.csv,b.csv", "--epochs", "1,x"], 'task "b": --epochs is "x", expected a number'],
  [["--tasks", "a.csv,b.csv"], 'task "a": '],
  [["--tasks", "a.csv,b.csv", "--retain", "c.txt"], "--retain"],
  [["--tasks", "a.csv,b.csv", "--preset", "glue/cora"], 'there is no preset "glue/cora"'],
])("%j is refused in one line", async (flags, says) => {
  const { shared } = await workplace();
  const { exitCode, stderr, stdout } = await runCli("continual", ...shared, ...flags, "--quiet");
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^nanoadam: [^\n]+\n$/);
  expect(stderr).toContain(says);
});
