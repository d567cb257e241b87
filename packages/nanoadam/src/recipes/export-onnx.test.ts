/** Exported models, loaded by Transformers.js in Node as a web page would load them. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  AutoTokenizer,
  pipeline,
  type Tensor,
} from "@huggingface/transformers";
import { onnxFile } from "@nanoadam/engine";
import { expect, test } from "vitest";
import { wholeModel } from "../export/whole-model.js";
import { defineModel } from "../models/architectures.js";
import type { HeadSpecification } from "../models/model.js";
import { chromium } from "../testing/chromium.js";
import { labelsConfig, logitsOf, tinyEncoders, writeModelFolder } from "../testing/model-folder.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { localName } from "../testing/transformers-local.js";
import { runTransformersPage } from "../testing/transformers-page.js";
import { exportModel } from "./export.js";
import { predict } from "./predict.js";

const tasks = {
  classification: {
    loader: AutoModelForSequenceClassification,
    head: { kind: "outputs", per: "example", outputs: 3 },
    task: labelsConfig(["bad", "fair", "good"], "single_label_classification"),
  },
  tags: {
    loader: AutoModelForTokenClassification,
    head: { kind: "outputs", per: "position", outputs: 4 },
    task: labelsConfig(["O", "B-A", "I-A", "B-B"]),
  },
  words: { loader: AutoModelForMaskedLM, head: { kind: "language-model", predicts: "masked" }, task: {} },
} as const satisfies Record<string, { loader: unknown; head: HeadSpecification; task: object }>;

const texts = ["the film was very good", "bare", "it is a bad plot and not so gold !"];

interface Loaded {
  (inputs: Record<string, Tensor>): Promise<{ logits: Tensor }>;
  dispose(): Promise<unknown>;
}

/** The logits of both engines for one batch with padding. */
async function bothLogits(folder: string, exported: string, loader: Loader, dtype: "fp32" | "fp16" | "q8" = "fp32") {
  const name = localName(exported);
  const tokenizer = await AutoTokenizer.from_pretrained(name);
  const inputs = (await tokenizer(texts, { padding: true })) as Record<string, Tensor>;
  const model = (await loader.from_pretrained(name, { dtype })) as unknown as Loaded;
  try {
    const { logits } = await model(inputs);
    const values = (key: string) => Array.from((inputs[key]?.data ?? []) as Iterable<bigint>, Number);
    const [rows = 0, length = 0] = inputs.input_ids?.dims ?? [];
    const types = inputs.token_type_ids === undefined ? undefined : values("token_type_ids");
    const own = await logitsOf(folder, {
      texts: rows,
      length,
      ids: values("input_ids"),
      mask: values("attention_mask"),
      types,
    });
    return { theirs: logits.data as Float32Array, own, shape: logits.dims, rows, length };
  } finally {
    await model.dispose();
  }
}

interface Loader {
  from_pretrained(name: string, options: { dtype: "fp32" | "fp16" | "q8" }): Promise<unknown>;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}

const cases = Object.keys(tinyEncoders).flatMap((encoder) =>
  (Object.keys(tasks) as (keyof typeof tasks)[]).map((task) => ({ encoder, task })),
);

test.each(cases)("$encoder for $task gives the same logits in Transformers.js", async ({ encoder, task }) => {
  const place = await temporaryFolder();
  const { head, loader, task: taskConfig } = tasks[task];
  const config = tinyEncoders[encoder] ?? {};
  const folder = await writeModelFolder(join(place, "model"), { config, head, task: taskConfig });
  const exported = join(place, "exported");
  await exportModel({ model: folder, format: "onnx", output: exported });
  const { theirs, own, shape, rows, length } = await bothLogits(folder, exported, loader);
  const columns = head.kind === "outputs" ? head.outputs : 48;
  expect(shape).toEqual(task === "classification" ? [rows, columns] : [rows, length, columns]);
  expect(largestDifference(theirs, own)).toBeLessThan(1e-4);
});

test.each(Object.entries(tinyEncoders))("no size of a batch is a part of the graph of %s", (_, config) => {
  for (const { head } of Object.values(tasks)) {
    const model = defineModel(config, head);
    const [first, second] = [0, 2].map((skip) => {
      const whole = wholeModel(model, { skip });
      return onnxFile(whole.tensors, { ...whole, precision: "float32", dataFile: "data" }).model;
    });
    expect(first).toEqual(second);
  }
});

test.each([
  "bert",
  "roberta",
  "xlm-roberta",
  "modernbert with mean pooling",
  "deberta-v2 with buckets and shared keys",
])("%s of 16 and of 8 bits is near the model", async (encoder) => {
  const place = await temporaryFolder();
  const { head, loader, task } = tasks.classification;
  const config = tinyEncoders[encoder] ?? {};
  const folder = await writeModelFolder(join(place, "model"), { config, head, task });
  const exported = join(place, "exported");
  await exportModel({ model: folder, format: "onnx", dtype: "float32,float16,int8", output: exported });
  const half = await bothLogits(folder, exported, loader, "fp16");
  expect(largestDifference(half.theirs, half.own)).toBeLessThan(0.03);
  const quantised = await bothLogits(folder, exported, loader, "q8");
  const spread = Math.max(...quantised.own) - Math.min(...quantised.own);
  expect(largestDifference(quantised.theirs, quantised.own)).toBeLessThan(0.15 * spread);
  expect(largestDifference(quantised.theirs, quantised.own)).toBeGreaterThan(0);
});

test("a file of 8 bits has a quarter of the bytes", async () => {
  const place = await temporaryFolder();
  const { head, task } = tasks.words;
  const config = { ...tinyEncoders.bert, hidden_size: 128, intermediate_size: 512, vocab_size: 2000 };
  const folder = await writeModelFolder(join(place, "model"), { config, head, task });
  await exportModel({
    model: folder,
    format: "onnx",
    dtype: ["float32", "float16", "int8"],
    output: join(place, "out"),
  });
  const size = async (name: string) => (await stat(join(place, "out", "onnx", name))).size;
  const whole = await size("model.onnx");
  expect((await size("model_fp16.onnx")) / whole).toBeLessThan(0.53);
  expect((await size("model_quantized.onnx")) / whole).toBeLessThan(0.3);
});

test("a trained model answers in a pipeline as `predict` does, and so does an adapter", async () => {
  const place = await tinyPlace();
  const whole = await tinyRun({ steps: 20 }, place);
  const adapter = await tinyRun({ steps: 20, loraRank: 2 }, place);
  for (const { folder } of [whole, adapter]) {
    const exported = `${folder}-onnx`;
    await exportModel({ model: folder, format: "onnx", output: exported });
    const classify = await pipeline("text-classification", localName(exported), { dtype: "fp32" });
    try {
      const [answer] = await classify("good film");
      const [prediction] = await predict({ model: folder, text: "good film", threads: 1 });
      const { label, probability } = prediction as { label: string; probability: number };
      expect(answer).toEqual({ label, score: expect.closeTo(probability, 5) });
    } finally {
      await classify.dispose();
    }
  }
});

test("parameters of a model that is too long for one file lie beside it", async () => {
  const place = await temporaryFolder();
  const { head, loader, task } = tasks.classification;
  const config = tinyEncoders.bert ?? {};
  const folder = await writeModelFolder(join(place, "model"), { config, head, task });
  const exported = join(place, "exported");
  await exportModel({ model: folder, format: "onnx", output: exported }, { longestFile: 20_000 });
  expect((await stat(join(exported, "onnx", "model.onnx"))).size).toBeLessThan(20_000);
  expect((await stat(join(exported, "onnx", "model.onnx_data"))).size).toBeGreaterThan(20_000);
  const written = JSON.parse(await readFile(join(exported, "config.json"), "utf8"));
  expect(written["transformers.js_config"]).toEqual({ use_external_data_format: { "model.onnx": 1 } });
  const { theirs, own } = await bothLogits(folder, exported, loader);
  expect(largestDifference(theirs, own)).toBeLessThan(1e-4);
});

test("what cannot be exported is refused by name", async () => {
  const place = await tinyPlace({ head: "none" });
  const output = join(place.folder, "out");
  await expectRefusal(exportModel({ model: place.model, format: "onnx", output }), /run nanoadam finetune first/);
  await expectRefusal(exportModel({ model: place.model, output }), /`merge` is needed/);
  await expectRefusal(exportModel({ model: place.model, format: "onnx", dtype: "int4", output }), /dtype/);
  await expectRefusal(
    exportModel({ model: place.model, merge: true, dtype: "int8", output }),
    /`dtype` is of the `format` "onnx" or "gguf"/,
  );
  const { head, task } = tasks.classification;
  const large = await writeModelFolder(join(place.folder, "large"), {
    config: tinyEncoders.bert ?? {},
    head,
    task,
    change: (weights) => weights.get("classifier.weight")?.fill(1e5),
  });
  await expectRefusal(
    exportModel({ model: large, format: "onnx", dtype: "float16", output }),
    /classifier.weight holds 100000, but float16 ends at 65504/,
  );
  await expect(stat(output)).rejects.toThrow();
});

test.skipIf(chromium === undefined)("a page in Chromium answers as Node does", async () => {
  const place = await tinyPlace();
  const { folder } = await tinyRun({ steps: 20 }, place);
  await exportModel({ model: folder, format: "onnx", dtype: "float32,int8", output: join(place.folder, "exported") });
  const result = await runTransformersPage(
    `const answers = {};
    for (const dtype of ["fp32", "q8"]) {
      const classify = await pipeline("text-classification", "exported", { dtype, device: "wasm" });
      answers[dtype] = (await classify("good film"))[0];
    }
    done(answers);`,
    place.folder,
  );
  const [prediction] = await predict({ model: folder, text: "good film", threads: 1 });
  const { label, probability } = prediction as { label: string; probability: number };
  expect(result).toEqual({
    fp32: { label, score: expect.closeTo(probability, 4) },
    q8: { label, score: expect.closeTo(probability, 1) },
  });
});
