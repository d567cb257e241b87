import { describe, expect, test } from "vitest";
import { type Batch, tensorOf } from "../data/batch.js";
import { createLabelMap } from "../data/labels.js";
import { textDataset } from "../data/text/encoder.js";
import { lossOf, pytorchCrossEntropy, randomLogits } from "../testing/losses.js";
import { encodedNumbers, tableSource, numberEncoder as text } from "../testing/number-texts.js";
import { type ClassificationOptions, classification, classificationTask, type LabelledText } from "./classification.js";
import { loadBatch } from "./load-batch.js";

const key = { seed: 1, step: 0 };

const numbers = (batch: Batch, name: string) => [...tensorOf(batch, name).data];

/** A data set of texts of the given classes. */
function labelled(labels: readonly number[]) {
  const examples = labels.map((label): LabelledText => ({ ...encodedNumbers(10 + label), label }));
  return textDataset(examples, { classOf: ({ label = 0 }) => label });
}

/** The task as it trains on examples of these classes. */
async function trainingTask(labels: readonly number[], options: Partial<ClassificationOptions>) {
  const task = classificationTask({ labels: createLabelMap(["a", "b", "c"]), text, ...options });
  return (await task.forTraining?.(labelled(labels))) ?? task;
}

describe("classification", () => {
  const task = classificationTask({ labels: createLabelMap(["no", "yes"]), text });
  const examples: LabelledText[] = [
    { ...encodedNumbers(10), label: 1 },
    { ...encodedNumbers(11, 12), label: 0 },
    { ...encodedNumbers(), label: 1 },
  ];
  const dataset = textDataset(examples);

  test("has a head with a logit for each label, and shows accuracy first", () => {
    expect(task.head).toEqual({ kind: "outputs", per: "example", outputs: 2 });
    const metrics = task.metrics();
    metrics.add(Float32Array.of(0, 1), task.collate(examples.slice(0, 1), 4));
    expect(Object.keys(metrics.result(0))).toEqual(["accuracy", "f1", "matthews"]);
    expect(classification.metrics).toEqual(["accuracy", "f1", "matthews", "loss"]);
  });

  test("lays the planned examples out with their labels; a loss is a mean over examples", async () => {
    const batch = await loadBatch(task, dataset, { indices: [2, 1], size: 4 }, key);
    expect(numbers(batch, "input_ids")).toEqual([2, 3, 9, 9, 2, 11, 12, 3]);
    expect(numbers(batch, "labels")).toEqual([1, 0]);
    expect([...batch.tensors.keys()]).toEqual(["input_ids", "attention_mask", "token_type_ids", "labels"]);
    expect(batch.weight).toBe(2);
    await expect(loadBatch(task, dataset, { indices: [3], size: 4 }, key)).rejects.toThrow(RangeError);
  });

  test("gives a batch without targets where an example has no label", () => {
    for (const unlabelled of [[encodedNumbers(10)], [...examples, encodedNumbers(10)]]) {
      const batch = task.collate(unlabelled, 4);
      expect([...batch.tensors.keys()]).toEqual(["input_ids", "attention_mask", "token_type_ids"]);
      expect(numbers(batch, "input_ids")).toHaveLength(4 * unlabelled.length);
      expect(batch.weight).toBe(unlabelled.length);
    }
  });

  test("collects accuracy, F1 of class 1 and Matthews correlation over batches", () => {
    const metrics = task.metrics();
    metrics.add(Float32Array.of(0, 1, 2, 1), task.collate(examples.slice(0, 2), 4));
    metrics.add(Float32Array.of(5, 1), task.collate(examples.slice(2), 4));
    // Predicted 1, 0, 0 where 1, 0, 1 were right.
    expect(metrics.result(0)).toEqual({ accuracy: 2 / 3, f1: 2 / 3, matthews: 0.5 });
  });

  test("of three classes has the mean F1", () => {
    const three = classificationTask({ labels: createLabelMap(["a", "b", "c"]), text });
    const metrics = three.metrics();
    const batch = three.collate(
      [0, 1, 2].map((label) => ({ ...encodedNumbers(), label })),
      2,
    );
    metrics.add(Float32Array.of(1, 0, 0, 0, 1, 0, 0, 1, 0), batch);
    // Class a is right (F1 1), b is predicted twice for one (2/3), c never (0).
    expect(metrics.result(0).f1).toBeCloseTo((1 + 2 / 3 + 0) / 3, 12);
  });

  test("reads texts or pairs with their class", async () => {
    const lines = ["text\tother\tlabel", "10 11\t12\tyes", "13\t14\tno"];
    const pairs = await task.read(tableSource(lines, { text: ["text", "other"], label: ["label"] }));
    expect([pairs.length, pairs.sizeOf(0), pairs.classOf?.(0), pairs.classOf?.(1)]).toEqual([2, 6, 1, 0]);
    expect(await pairs.load(0, key)).toMatchObject({ ids: Int32Array.of(2, 10, 11, 3, 12, 3), label: 1 });
    const first = await task.read(tableSource(lines, { label: ["label"], limit: 1 }));
    expect([first.length, first.sizeOf(0)]).toEqual([1, 4]);
  });

  test("answers with the most probable label", () => {
    const outcome = task.predictor?.outcome(Float32Array.of(0, Math.log(3)), encodedNumbers(10));
    expect(outcome).toEqual({
      label: "yes",
      probability: expect.closeTo(0.75, 6),
      probabilities: { no: expect.closeTo(0.25, 6), yes: expect.closeTo(0.75, 6) },
    });
    expect(outcome && task.predictor?.format(outcome)).toBe("yes\t75.0 %");
  });

  test("has the labels of its data, and of a configuration, which may lack names", async () => {
    const source = tableSource(["text\tlabel", "10\tx", "11\ty", "12\tz"], { label: ["label"] });
    const fromData = await classification.fromData(source, { text });
    expect(fromData.config()).toEqual({
      problem_type: "single_label_classification",
      id2label: { "0": "x", "1": "y", "2": "z" },
      label2id: { x: 0, y: 1, z: 2 },
    });
    expect(classification.fromConfig(fromData.config(), "config.json", { text }).config()).toEqual(fromData.config());
    const unnamed = classification.fromConfig({ num_labels: 3 }, "config.json", { text });
    expect(unnamed.head).toEqual({ kind: "outputs", per: "example", outputs: 3 });
    expect(unnamed.config()).toMatchObject({ id2label: { "0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2" } });
  });
});

describe("its loss in training", () => {
  test("weighs an example inversely to its class's frequency, with mean 1, and adds the weights up", async () => {
    const classes = [0, 1, 1, 1];
    const weighted = await trainingTask(classes, {
      labels: createLabelMap(["no", "yes"]),
      classWeights: "balanced",
    });
    const batch = await loadBatch(weighted, labelled([1, 0]), { indices: [0, 1], size: 3 }, key);
    expect(numbers(batch, "label_weights")).toEqual([Math.fround(2 / 3), 2]);
    expect(batch.weight).toBeCloseTo(2 / 3 + 2, 6);
    const whole = await loadBatch(weighted, labelled(classes), { indices: [0, 1, 2, 3], size: 3 }, key);
    expect(whole.weight).toBeCloseTo(4, 6);
  });

  // The classes of what is trained on; in the last case two classes have no examples.
  const uneven = [0, 0, 0, 1, 2, 2];
  const weightsOf = { uneven: [6 / 9, 6 / 3, 6 / 6], onlyFirst: [1 / 3, 0, 0] };
  test.each([
    [0, "none", uneven, undefined],
    [0.1, "none", uneven, undefined],
    [0, "balanced", uneven, weightsOf.uneven],
    [0.3, "balanced", uneven, weightsOf.uneven],
    [0.3, "balanced", [0, 0], weightsOf.onlyFirst],
  ] as const)(
    "with label smoothing %d and class weights %s over %o is PyTorch's cross_entropy",
    async (labelSmoothing, classWeights, trained, expectedWeights) => {
      const labels = [2, 0, 1, 1, 2];
      const rows = randomLogits(labels.length, 3, 3);
      const task = await trainingTask(trained, { labelSmoothing, classWeights });
      const batch = await loadBatch(task, labelled(labels), { indices: [0, 1, 2, 3, 4], size: 8 }, key);
      const found = (await lossOf(task.loss, rows, batch)) / batch.weight;
      const expected = pytorchCrossEntropy(rows, labels, expectedWeights, labelSmoothing);
      expect(Math.abs(found - expected)).toBeLessThan(1e-5);
    },
  );

  test("is the plain one in evaluations", async () => {
    const options = { labelSmoothing: 0.3, classWeights: "balanced" } as const;
    const task = classificationTask({ labels: createLabelMap(["a", "b", "c"]), text, ...options });
    const labels = [2, 0, 1];
    const rows = randomLogits(labels.length, 3, 5);
    const batch = await loadBatch(task, labelled(labels), { indices: [0, 1, 2], size: 8 }, key);
    expect(batch.weight).toBe(3);
    expect((await lossOf(task.loss, rows, batch)) / 3).toBeCloseTo(pytorchCrossEntropy(rows, labels), 5);
    expect(classificationTask({ labels: createLabelMap(["a", "b"]), text }).forTraining).toBeUndefined();
  });
});
