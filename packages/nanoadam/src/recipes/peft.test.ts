/** Adapters from PEFT in use: predicted with, measured, trained on, merged. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { type RawTensor, rawTensor, readTensors } from "../testing/tensors.js";
import { writeTinyAdapter } from "../testing/tiny-adapter.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";
import { exportModel } from "./export.js";
import { predict } from "./predict.js";

const query = "bert.encoder.layer.0.attention.self.query";

/** A classifier's adapter, in a folder without tokenizer or configuration, over a base of masked words with a pooler. */
async function classifierOverMaskedLm(rows: number) {
  const place = await tinyPlace({
    head: "masked-lm",
    change: (tensors: Map<string, RawTensor>) => {
      tensors.set("bert.pooler.dense.weight", rawTensor([16, 16], new Float32Array(256).fill(0.01)));
      tensors.set("bert.pooler.dense.bias", rawTensor([16], new Float32Array(16)));
    },
  });
  const adapter = join(place.folder, "adapter");
  const tensors = {
    [`${query}.lora_A.weight`]: [2, 16],
    [`${query}.lora_B.weight`]: [16, 2],
    "classifier.weight": [rows, 16],
    "classifier.bias": [rows],
  };
  await writeTinyAdapter(adapter, place.model, { tensors, config: { task_type: "SEQ_CLS" } });
  return { ...place, adapter, merged: join(place.folder, "merged") };
}

test.each([1, 2, 3])(
  "a classifier of %d rows is one, whatever its base was, and stays one when merged",
  async (rows) => {
    const { adapter, merged, evaluation } = await classifierOverMaskedLm(rows);
    const ask = (model: string) => predict({ model, text: "good film", threads: 1 });
    const [prediction] = await ask(adapter);
    if (rows === 1) expect(prediction).toHaveProperty("value", expect.any(Number));
    else expect(Object.keys((prediction as { probabilities?: object }).probabilities ?? {})).toHaveLength(rows);
    const columns = { data: evaluation, text: "sentence", label: "score" };
    if (rows === 1) expect((await evaluate({ model: adapter, ...columns })).task).toBe("regression");

    await exportModel({ model: adapter, merge: true, output: merged });
    const tensors = await readTensors(join(merged, "model.safetensors"));
    expect(tensors.get("classifier.weight")?.shape).toEqual([rows, 16]);
    const [after] = await ask(merged);
    if (rows === 1) {
      expect((after as { value: number }).value).toBeCloseTo((prediction as { value: number }).value, 5);
    } else expect(after).toEqual(prediction);
  },
);

test("it is trained on, whole or by an adapter on top of it", async () => {
  const place = await classifierOverMaskedLm(2);
  const start = await tinyRun({ model: place.adapter, steps: 1, learningRate: 1e-9 }, place);
  expect(start.summary.initialised).toEqual([]);
  const { folder, summary } = await tinyRun({ model: place.adapter, loraRank: 2, steps: 4 }, place);
  expect(summary.evaluation.before.loss).toBeCloseTo(start.summary.evaluation.before.loss, 6);
  const columns = { data: place.evaluation, text: "sentence", label: "label", threads: 1 };
  const { evaluation } = await evaluate({ model: folder, ...columns });
  expect(evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
  await exportModel({ model: folder, merge: true, output: place.merged });
  expect((await evaluate({ model: place.merged, ...columns })).evaluation.loss).toBeCloseTo(evaluation.loss, 5);
});

test("an adapter that this trained over a base without prefix opens again", async () => {
  const place = await tinyPlace({ head: "bare" });
  const { folder, summary } = await tinyRun({ loraRank: 2 }, place);
  const report = await evaluate({
    model: folder,
    data: place.evaluation,
    text: "sentence",
    label: "label",
    threads: 1,
  });
  expect(report.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
});

test("an adapter of an encoder alone has no head, and merging draws none", async () => {
  const place = await tinyPlace({ head: "bare" });
  const adapter = join(place.folder, "adapter");
  const layer = query.slice("bert.".length);
  const tensors = { [`${layer}.lora_A.weight`]: [2, 16], [`${layer}.lora_B.weight`]: [16, 2] };
  await writeTinyAdapter(adapter, place.model, { tensors, config: { task_type: "FEATURE_EXTRACTION" } });
  await expectRefusal(predict({ model: adapter, text: "good" }), "has no classification head (classifier.weight");
  const merged = join(place.folder, "merged");
  await exportModel({ model: adapter, merge: true, output: merged });
  const names = [...(await readTensors(join(merged, "model.safetensors"))).keys()];
  expect(names).toContain(`${query}.weight`);
  expect(names.filter((name) => name.startsWith("classifier"))).toEqual([]);
});

test("a head over the vocabulary with a table of its own is trained, written and read as such", async () => {
  const decoder = "cls.predictions.decoder";
  const place = await tinyPlace({
    head: "masked-lm",
    config: { tie_word_embeddings: false },
    change: (tensors: Map<string, RawTensor>) => {
      tensors.set(
        `${decoder}.weight`,
        rawTensor(
          [48, 16],
          Float32Array.from({ length: 768 }, (_, i) => Math.sin(i)),
        ),
      );
      tensors.set(`${decoder}.bias`, rawTensor([48], new Float32Array(48).fill(0.5)));
    },
  });
  const columns = { data: place.evaluation, text: "sentence", threads: 1 };
  const before = (await evaluate({ model: place.model, ...columns })).evaluation.loss;
  const { folder, summary } = await tinyRun({ task: "masked-lm", label: undefined }, place);
  expect(summary.evaluation.before.loss).toBeCloseTo(before, 5);
  expect((await evaluate({ model: folder, ...columns })).evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
  const [old, trained] = [
    await readTensors(join(place.model, "model.safetensors")),
    await readTensors(join(folder, "model.safetensors")),
  ];
  for (const name of [`${decoder}.weight`, "bert.embeddings.word_embeddings.weight"]) {
    expect(trained.get(name)?.shape).toEqual([48, 16]);
    expect(
      Buffer.compare(trained.get(name)?.bytes ?? Buffer.alloc(0), old.get(name)?.bytes ?? Buffer.alloc(0)),
    ).not.toBe(0);
  }
});
