import { expect, test } from "vitest";
import { tensorOf } from "../data/batch.js";
import { lossOf } from "../testing/losses.js";
import { encodedNumbers, tableSource, numberEncoder as text } from "../testing/number-texts.js";
import { loadBatch } from "./load-batch.js";
import { regression, regressionTask } from "./regression.js";

const task = regressionTask(text);
const scored = (...values: number[]) => values.map((value) => ({ ...encodedNumbers(), value }));

test("one logit, numbers as targets, and correlations", () => {
  expect(task.head).toEqual({ kind: "outputs", per: "example", outputs: 1 });
  const batch = task.collate(scored(1, 2, 4), 2);
  expect([...tensorOf(batch, "labels").data]).toEqual([1, 2, 4]);
  expect(tensorOf(batch, "labels").type.shape).toEqual([3, 1]);
  expect(batch.weight).toBe(3);
  const metrics = task.metrics();
  metrics.add(Float32Array.of(10, 20, 40), batch);
  expect(metrics.result(0)).toEqual({ pearson: expect.closeTo(1, 12), spearman: expect.closeTo(1, 12) });
  expect(regression.metrics).toEqual([...Object.keys(metrics.result(0)), "loss"]);
});

test("the loss is the mean of the squared errors", async () => {
  const batch = task.collate(scored(1, 1, 1, 1, 1), 8);
  const found = (await lossOf(task.loss, [[1], [2], [3], [4], [5]], batch)) / batch.weight;
  expect(found).toBeCloseTo((0 + 1 + 4 + 9 + 16) / 5, 6);
});

test("an example without number makes a batch without targets", () => {
  const batch = task.collate([...scored(1), encodedNumbers(10)], 4);
  expect([...batch.tensors.keys()]).toEqual(["input_ids", "attention_mask", "token_type_ids"]);
  expect(batch.weight).toBe(2);
});

test("texts are read with their numbers, and answered with a number", async () => {
  const source = tableSource(["text\tscore", "10 11\t-1.5", "12\t2"], { label: ["score"] });
  const dataset = await task.read(source);
  expect(dataset.classOf).toBeUndefined();
  const batch = await loadBatch(task, dataset, { indices: [1, 0], size: 4 }, { seed: 1, step: 0 });
  expect([...tensorOf(batch, "labels").data]).toEqual([2, -1.5]);
  expect([...tensorOf(batch, "input_ids").data]).toEqual([2, 12, 3, 9, 2, 10, 11, 3]);
  const outcome = task.predictor?.outcome(Float32Array.of(0.25), encodedNumbers(10));
  expect(outcome).toEqual({ value: 0.25 });
  expect(outcome && task.predictor?.format(outcome)).toBe("0.2500");
});

test("is the task of a configuration that says so, or that has one label", () => {
  expect(regression.matches(task.config())).toBe(true);
  expect(regression.matches({ problem_type: "regression" })).toBe(true);
  expect(regression.matches({ num_labels: 1 })).toBe(true);
  expect(regression.matches({ num_labels: 2 })).toBe(false);
  expect(regression.matches({})).toBe(false);
});
