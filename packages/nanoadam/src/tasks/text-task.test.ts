import { describe, expect, test } from "vitest";
import { createLabelMap } from "../data/labels.js";
import type { TextTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import { argmax, classificationTask, type EncodedExample, maskedLmTask, regressionTask } from "./text-task.js";

/** Of a tokenizer a task needs only some ids. */
const tokenizer: TextTokenizer = {
  encode: () => {
    throw new Error("the examples are tokens already");
  },
  padId: 9,
  maskId: 4,
  vocabularySize: 50,
  maximumLength: undefined,
  files: [],
};

function example(ids: number[], label?: number): EncodedExample {
  const tokens = {
    ids: Int32Array.from(ids),
    typeIds: new Int32Array(ids.length),
    specialMask: Uint8Array.from(ids, (id) => (id < 5 ? 1 : 0)),
    wasTruncated: false,
  };
  return label === undefined ? tokens : { ...tokens, label };
}

const key = { seed: 1, step: 0 };

describe("classification", () => {
  const task = classificationTask({ labels: createLabelMap(["no", "yes"]), tokenizer });
  const examples = [example([2, 10, 3], 1), example([2, 11, 12, 3], 0), example([2, 3], 1)];

  test("has a head with a logit for each label, and shows accuracy first", () => {
    expect(task.head).toEqual({ kind: "sequence-classification", labels: 2 });
    const collector = task.collector();
    collector.add(Float32Array.of(0, 1), task.batch(examples, { indices: [0], length: 4 }, key));
    expect(Object.keys(collector.metrics(0))).toEqual(["accuracy", "f1", "matthews"]);
  });

  test("lays the planned examples out with their labels; a loss is a mean over examples", () => {
    const { tokens, targets, weight } = task.batch(examples, { indices: [2, 1], length: 4 }, key);
    expect([...tokens.inputIds]).toEqual([2, 3, 9, 9, 2, 11, 12, 3]);
    expect([...(targets.get("labels") ?? [])]).toEqual([1, 0]);
    expect([...(targets.get("example_weights") ?? [])]).toEqual([0.5, 0.5]);
    expect(weight).toBe(2);
  });

  test("collects accuracy, F1 of class 1 and Matthews correlation over batches", () => {
    const collector = task.collector();
    collector.add(Float32Array.of(0, 1, 2, 1), task.batch(examples, { indices: [0, 1], length: 4 }, key));
    collector.add(Float32Array.of(5, 1), task.batch(examples, { indices: [2], length: 4 }, key));
    // Predicted 1, 0, 0 where 1, 0, 1 were right.
    expect(collector.metrics(0)).toEqual({ accuracy: 2 / 3, f1: 2 / 3, matthews: 0.5 });
  });

  test("of three classes has the mean F1", () => {
    const three = classificationTask({ labels: createLabelMap(["a", "b", "c"]), tokenizer });
    const collector = three.collector();
    const labelled = [example([2, 3], 0), example([2, 3], 1), example([2, 3], 2)];
    const batch = three.batch(labelled, { indices: [0, 1, 2], length: 2 }, key);
    collector.add(Float32Array.of(1, 0, 0, 0, 1, 0, 0, 1, 0), batch);
    // Class a is right (F1 1), b is predicted twice for one (2/3), c never (0).
    expect(collector.metrics(0).f1).toBeCloseTo((1 + 2 / 3 + 0) / 3, 12);
  });

  test("weights of classes are those of its examples, normalised to sum 1", () => {
    const weighted = classificationTask({ labels: createLabelMap(["no", "yes"]), tokenizer, classWeights: [3, 1] });
    const { targets } = weighted.batch(examples, { indices: [0, 1], length: 4 }, key);
    expect([...(targets.get("example_weights") ?? [])]).toEqual([0.25, 0.75]);
  });
});

test("regression: one logit, numbers as targets, and correlations", () => {
  const task = regressionTask(tokenizer);
  expect(task.head).toEqual({ kind: "sequence-classification", labels: 1 });
  const examples = [1, 2, 4].map((label) => example([2, 3], label));
  const batch = task.batch(examples, { indices: [0, 1, 2], length: 2 }, key);
  expect([...(batch.targets.get("targets") ?? [])]).toEqual([1, 2, 4]);
  const collector = task.collector();
  collector.add(Float32Array.of(10, 20, 40), batch);
  expect(collector.metrics(0)).toEqual({ pearson: expect.closeTo(1, 12), spearman: expect.closeTo(1, 12) });
});

describe("masked-lm", () => {
  const task = maskedLmTask(tokenizer);
  const examples = [example([2, ...Array.from({ length: 20 }, (_, i) => 10 + i), 3])];

  test("hides tokens by the key, and a loss is a mean over the hidden ones", () => {
    const plan = { indices: [0], length: 24 };
    const { tokens, targets, weight } = task.batch(examples, plan, key);
    expect(weight).toBe(3);
    expect(task.batch(examples, plan, key).tokens.inputIds).toEqual(tokens.inputIds);
    expect(task.batch(examples, plan, { ...key, step: 1 }).targets).not.toEqual(targets);
  });

  test("collects the share of hidden tokens found, and the perplexity of the mean loss", () => {
    const batch = task.batch(examples, { indices: [0], length: 24 }, key);
    const labels = batch.targets.get("masked_labels") ?? [];
    const logits = new Float32Array(labels.length * 50);
    // The first place in use is right; the others, and the places not in use, are not.
    labels.forEach((label, place) => {
      logits[place * 50 + (place === 0 ? label : 0)] = 1;
    });
    const collector = task.collector();
    collector.add(logits, batch);
    expect(collector.metrics(Math.log(7))).toEqual({ perplexity: expect.closeTo(7, 10), accuracy: 1 / 3 });
  });

  test("needs a mask token", () => {
    expect(() => maskedLmTask({ ...tokenizer, maskId: undefined })).toThrow(InputError);
  });
});

test("of equal logits the first is the largest", () => {
  expect(argmax(Float32Array.of(1, 3, 3, 2))).toBe(1);
  expect(argmax(Float32Array.of(-5))).toBe(0);
});
