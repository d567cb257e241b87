import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import type { HeadSpecification } from "../models/model.js";
import { evaluate } from "../recipes/evaluate.js";
import { expectRefusal } from "../testing/refusal.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { floatsOf, type RawTensor, rawTensor, readTensors } from "../testing/tensors.js";
import {
  type TinyArchitecture,
  type TinyCheckpointOptions,
  tinyArchitectures,
  tinyShapes,
  writeTinyCheckpoint,
} from "../testing/tiny-checkpoint.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { openCheckpoint } from "./checkpoint.js";
import { loadPretrained, type WeightStorage } from "./pretrained.js";

const twoClasses: HeadSpecification = { kind: "outputs", per: "example", outputs: 2 };
const maskedLm: HeadSpecification = { kind: "language-model", predicts: "masked" };

async function load(
  options: TinyCheckpointOptions,
  head: HeadSpecification = twoClasses,
  { seed = 1, fromScratch = false }: { readonly seed?: number; readonly fromScratch?: boolean } = {},
) {
  const folder = await writeTinyCheckpoint(join(await temporaryFolder(), "model"), options);
  const checkpoint = await openCheckpoint(folder);
  const pretrained = await loadPretrained(checkpoint, head, seed, { fromScratch }).finally(() => checkpoint.close());
  return { ...pretrained, folder };
}

const headNames: Readonly<Record<TinyArchitecture, { readonly classes: string[]; readonly maskedLm: string[] }>> = {
  bert: {
    classes: ["classifier.weight", "classifier.bias"],
    maskedLm: ["cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm"]
      .flatMap((name) => [`${name}.weight`, `${name}.bias`])
      .concat("cls.predictions.bias"),
  },
  roberta: {
    classes: ["classifier.dense", "classifier.out_proj"].flatMap((name) => [`${name}.weight`, `${name}.bias`]),
    maskedLm: ["lm_head.dense", "lm_head.layer_norm"]
      .flatMap((name) => [`${name}.weight`, `${name}.bias`])
      .concat("lm_head.bias"),
  },
  distilbert: {
    classes: ["pre_classifier", "classifier"].flatMap((name) => [`${name}.weight`, `${name}.bias`]),
    maskedLm: ["vocab_transform", "vocab_layer_norm"]
      .flatMap((name) => [`${name}.weight`, `${name}.bias`])
      .concat("vocab_projector.bias"),
  },
};

describe.each(tinyArchitectures)("%s", (architecture) => {
  const own = headNames[architecture];
  const pooler = architecture === "bert" ? ["bert.pooler.dense.weight", "bert.pooler.dense.bias"] : [];

  test("an encoder alone gets a fresh head, and nothing of it is left over", async () => {
    for (const head of ["none", "bare"] as const) {
      const { initialised, unused } = await load({ architecture, head });
      expect(initialised).toEqual(own.classes);
      expect(unused).toEqual([]);
    }
  });

  test("a masked-LM checkpoint gives its encoder to a classifier; its head is left", async () => {
    const { initialised, unused } = await load({ architecture, head: "masked-lm" });
    expect(initialised).toEqual([...pooler, ...own.classes]);
    expect(unused).toEqual(own.maskedLm);
  });

  test("a classifier gives its encoder to masked-LM", async () => {
    const { initialised, unused } = await load({ architecture, head: { labels: 2 } }, maskedLm);
    expect(initialised).toEqual(own.maskedLm);
    expect(unused).toEqual([...pooler, ...own.classes]);
  });

  test("a checkpoint of the same kind is taken whole, tensor for tensor", async () => {
    for (const [head, wanted] of [
      ["masked-lm", maskedLm],
      [{ labels: 2 }, twoClasses],
    ] as const) {
      const { initialised, unused, weights, folder } = await load({ architecture, head }, wanted);
      expect([initialised, unused]).toEqual([[], []]);
      const stored = await readTensors(join(folder, "model.safetensors"));
      expect(new Map(weights)).toEqual(new Map([...stored].map(([name, tensor]) => [name, floatsOf(tensor)])));
    }
  });

  test("names without prefix and old names mean the same tensors", async () => {
    const plain = await load({ architecture });
    for (const form of [
      { head: "bare" },
      { oldNames: true },
      { head: "bare", oldNames: true },
      { sharded: true },
    ] as const) {
      const { weights, initialised } = await load({ architecture, ...form });
      expect(initialised).toEqual(plain.initialised);
      expect(weights).toEqual(plain.weights);
    }
  });
});

describe("tensors under another prefix", () => {
  const moved = (rename: (name: string) => string): TinyCheckpointOptions => ({
    head: { labels: 2 },
    change: (tensors) => {
      const all = [...tensors];
      tensors.clear();
      for (const [name, tensor] of all) tensors.set(rename(name), tensor);
    },
  });

  test.each([
    ["all of them, as DataParallel has them", (name: string) => `module.${name}`],
    ["the encoder's alone", (name: string) => name.replace(/^bert\./, "model.bert.")],
    ["the encoder's, without its name", (name: string) => name.replace(/^bert\./, "0.auto_model.")],
    ["with old names", (name: string) => `a.b.${name.replace(/LayerNorm.weight$/, "LayerNorm.gamma")}`],
  ])("are read, where there is one: %s", async (_, rename) => {
    const plain = await load({ head: { labels: 2 } });
    const { weights, initialised, unused } = await load(moved(rename));
    expect([initialised, unused]).toEqual([[], []]);
    expect(weights).toEqual(plain.weights);
  });

  test("are not read where it is another network's name", async () => {
    await expectRefusal(
      load(moved((name) => name.replace(/^bert\./, "roberta."))),
      'no tensor fits a BertForSequenceClassification; the first would be "bert.embeddings.word_embeddings.weight"',
    );
  });

  test("are refused where there are several", async () => {
    const { change } = moved((name) => `query.${name}`);
    const both = (tensors: Map<string, RawTensor>) => {
      const all = [...tensors];
      change?.(tensors);
      for (const [name, tensor] of all) tensors.set(`passage.${name}`, tensor);
    };
    await expectRefusal(
      load({ change: both }),
      '"query.bert.embeddings.word_embeddings.weight" and "passage.bert.embeddings.word_embeddings.weight" could both be',
    );
  });
});

test("a head of another size is told apart from what is missing", async () => {
  const { initialised, misfits } = await load({ head: { labels: 5 } });
  expect(initialised).toEqual(["classifier.weight", "classifier.bias"]);
  expect(misfits.map(({ entry, expected }) => [entry.name, entry.shape, expected])).toEqual([
    ["classifier.weight", [5, 16], [2, 16]],
    ["classifier.bias", [5], [2]],
  ]);
});

test("where a tensor came from, and how it is stored there, is told", async () => {
  const { sources } = await load({ head: "bare", oldNames: true, dtype: "BF16" });
  expect(sources.get("bert.embeddings.LayerNorm.weight")).toEqual({
    name: "embeddings.LayerNorm.gamma",
    dtype: "BF16",
    start: 0,
  });
  expect(sources.has("classifier.weight")).toBe(false);
});

test("what the model does not know is told as unused; a tied copy is not", async () => {
  const change = (tensors: Map<string, RawTensor>) => {
    for (const name of ["cls.predictions.decoder.weight", "cls.seq_relationship.bias"]) {
      tensors.set(name, rawTensor([1], new Float32Array(1)));
    }
  };
  expect((await load({ head: "masked-lm", change }, maskedLm)).unused).toEqual(["cls.seq_relationship.bias"]);
});

describe("fresh weights", () => {
  test("are a function of the seed", async () => {
    const classifier = async (seed: number) => (await load({}, twoClasses, { seed })).weights.get("classifier.weight");
    expect(await classifier(1)).toEqual(await classifier(1));
    expect(await classifier(1)).not.toEqual(await classifier(2));
  });

  test("have the configuration's deviation; biases are 0 and normalisation is 1", async () => {
    const { weights, initialised, sources } = await load({ config: { initializer_range: 0.5 } }, twoClasses, {
      fromScratch: true,
    });
    expect(initialised).toEqual(tinyShapes({ head: { labels: 2 } }).map(([name]) => name));
    expect(sources.size).toBe(0);
    const table = [...(weights.get("bert.embeddings.word_embeddings.weight") ?? [])];
    const deviation = Math.sqrt(table.reduce((sum, value) => sum + value ** 2, 0) / table.length);
    expect(deviation).toBeGreaterThan(0.45);
    expect(deviation).toBeLessThan(0.55);
    expect(new Set(weights.get("bert.embeddings.LayerNorm.weight"))).toEqual(new Set([1]));
    expect(new Set(weights.get("classifier.bias"))).toEqual(new Set([0]));
  });
});

describe("a run's head", () => {
  test("a classifier with another number of labels makes way for a fresh one", async () => {
    const place = await tinyPlace({ head: { labels: 5 } });
    const { summary, folder } = await tinyRun({}, place);
    expect(summary.initialised).toEqual(["classifier.weight", "classifier.bias"]);
    expect(summary.unused).toEqual(["classifier.weight", "classifier.bias"]);
    expect((await weightsOf(folder)).get("classifier.weight")?.shape).toEqual([2, 16]);
    expect((await weightsOf(place.model)).get("classifier.weight")?.shape).toEqual([5, 16]);
    expect(summary.data.notes).toContain(
      "the checkpoint's head is of another size (classifier.weight has 5 rows, not 2): a new one is drawn",
    );
  });

  test("one with as many labels that have no names is kept, and what they are taken for is told", async () => {
    const { summary } = await tinyRun({}, await tinyPlace({ head: { labels: 2 } }));
    expect(summary.initialised).toEqual([]);
    expect(summary.data.notes).toContain(
      'the checkpoint\'s classes have no names: LABEL_0 is taken for "bad", LABEL_1 is taken for "good"',
    );
  });

  /** A checkpoint with two classes of these names. */
  const named = (...names: string[]) =>
    tinyPlace({ head: { labels: 2 }, config: { id2label: Object.fromEntries(names.map((name, id) => [id, name])) } });

  test("one for the data's classes is kept in its own order", async () => {
    const place = await named("good", "bad");
    const { summary, folder } = await tinyRun({}, place);
    expect(summary.initialised).toEqual([]);
    expect(JSON.parse(await readFile(join(folder, "config.json"), "utf8")).id2label).toEqual({ 0: "good", 1: "bad" });
    const report = await evaluate({
      model: place.model,
      data: place.evaluation,
      text: "sentence",
      label: "label",
      threads: 1,
    });
    expect(report.evaluation.loss).toBeCloseTo(summary.evaluation.before.loss, 5);
  });

  test("one for other classes makes way for a fresh one", async () => {
    const { summary, folder } = await tinyRun({}, await named("spam", "ham"));
    expect(summary.initialised).toEqual(["classifier.weight", "classifier.bias"]);
    expect(JSON.parse(await readFile(join(folder, "config.json"), "utf8")).id2label).toEqual({ 0: "bad", 1: "good" });
    expect(summary.data.notes).toContain(
      "the checkpoint's classes have other names than the data's: a new head is drawn",
    );
  });
});

describe("refused", () => {
  const weight = "bert.encoder.layer.0.output.dense.weight";
  const replaced = (tensor: RawTensor): TinyCheckpointOptions => ({ change: (tensors) => tensors.set(weight, tensor) });

  test.each([
    [
      "a tensor of another shape",
      rawTensor([32, 16], new Float32Array(512)),
      /has shape \[32, 16\], expected \[16, 32\]/,
    ],
    ["as many entries in another number of dimensions", rawTensor([512], new Float32Array(512)), /has shape \[512\]/],
    ["whole numbers", { dtype: "I32", shape: [16, 32], bytes: new Uint8Array(2048) }, /has dtype I32, expected F32/],
    ["NaN", rawTensor([16, 32], new Float32Array(512).fill(Number.NaN)), /is NaN at flat index 0/],
    [
      "one NaN",
      rawTensor([16, 32], new Float32Array(512).fill(Number.NaN, 7, 8)),
      /is NaN at flat index 7, expected finite/,
    ],
    [
      "infinity in bfloat16",
      rawTensor([16, 32], new Float32Array(512).fill(-Infinity, 7, 8), "BF16"),
      /is -Infinity at flat index 7, expected finite/,
    ],
  ])("%s", async (_, tensor, message) => {
    const error: unknown = await load(replaced(tensor)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toMatch(message);
    expect(String(error)).toContain(weight);
    expect(String(error)).toContain("model.safetensors");
  });

  test("a part of the encoder that is missing, with what is, unless all weights are to be fresh", async () => {
    const fewer = { config: { num_hidden_layers: 3 } };
    await expectRefusal(
      load(fewer),
      '16 of the 53 tensors that config.json describes before the head are missing: "bert.encoder.layer.2.attention.self.query.weight", "bert.encoder.layer.2.attention.self.query.bias" and 14 more',
      "`fromScratch`",
    );
    expect((await load(fewer, twoClasses, { fromScratch: true })).initialised).toHaveLength(53 + 4);
  });

  test("a folder with nothing of the model in it", async () => {
    const change = (tensors: Map<string, RawTensor>) => {
      tensors.clear();
      tensors.set("transformer.h.0.weight", rawTensor([1], new Float32Array(1)));
    };
    await expect(load({ change })).rejects.toThrow(
      /no tensor fits a BertForSequenceClassification.*"transformer\.h\.0\.weight"/,
    );
  });
});

test("linear layers and embeddings are held as they are stored, or as told; all else in float32", async () => {
  const heldNarrow = async (dtype: "F32" | "BF16", hold?: WeightStorage) => {
    const folder = await writeTinyCheckpoint(join(await temporaryFolder(), "model"), { dtype });
    const checkpoint = await openCheckpoint(folder);
    const options = hold === undefined ? {} : { hold };
    const { model, weights } = await loadPretrained(checkpoint, twoClasses, 0, options).finally(() =>
      checkpoint.close(),
    );
    const narrow = model.parameters.filter(({ name }) => weights.get(name) instanceof Uint16Array);
    return [...new Set(narrow.map(({ role }) => role))].sort();
  };
  expect(await heldNarrow("BF16")).toEqual(["embedding", "weight"]);
  expect(await heldNarrow("F32")).toEqual([]);
  expect(await heldNarrow("F32", "bfloat16")).toEqual(["embedding", "weight"]);
  expect(await heldNarrow("BF16", "float32")).toEqual([]);
});
