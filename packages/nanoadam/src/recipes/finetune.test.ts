/** Whole runs on tiny checkpoints: what is learned, and what is written. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { tinyArchitectures, tinyPositions, tinyShapes } from "../testing/tiny-checkpoint.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import type { RunSummary } from "./summary.js";

async function readJson<Content>(path: string): Promise<Content> {
  return JSON.parse(await readFile(path, "utf8")) as Content;
}

describe("each architecture learns what one word tells", () => {
  const learning = { learningRate: 1e-2, epochs: 12, evalEvery: 1000, density: 0.5, dropout: 0 };

  for (const architecture of tinyArchitectures) {
    test.each(["nanoadam", "adamw"] as const)(`${architecture} with %s: classes`, async (optimizer) => {
      const place = await tinyPlace({ architecture }, { train: tinyRows(128) });
      const { summary } = await tinyRun({ ...learning, optimizer }, place);
      const { before, final } = summary.evaluation;
      expect(final.loss).toBeLessThan(0.5 * before.loss);
      expect(final.accuracy).toBeGreaterThan(0.9);
    });

    test.each(["nanoadam", "adamw"] as const)(`${architecture} with %s: numbers`, async (optimizer) => {
      const place = await tinyPlace({ architecture }, { train: tinyRows(128) });
      const { summary } = await tinyRun({ ...learning, optimizer, task: "regression", label: "score" }, place);
      const { before, final } = summary.evaluation;
      expect(final.loss).toBeLessThan(0.25 * before.loss);
      expect(final.pearson).toBeGreaterThan(0.9);
    });

    test.each(["nanoadam", "adamw"] as const)(`${architecture} with %s: hidden tokens`, async (optimizer) => {
      const checkpoint = { architecture, head: "masked-lm" } as const;
      const place = await tinyPlace(checkpoint);
      const { summary, folder } = await tinyRun({ ...learning, optimizer, task: "masked-lm", label: undefined }, place);
      const { before, final } = summary.evaluation;
      expect(final.loss).toBeLessThan(before.loss - 0.5);
      expect(final.perplexity).toBeCloseTo(Math.exp(final.loss), 6);
      expect(new Set((await weightsOf(folder)).keys())).toEqual(new Set(tinyShapes(checkpoint).map(([name]) => name)));
      const config = await readJson<{ architectures: string[] }>(join(folder, "config.json"));
      expect(config.architectures[0]).toMatch(/ForMaskedLM$/);
    });
  }
});

describe("the folder that is written", () => {
  test.each(tinyArchitectures)(
    "%s: has the checkpoint's tensors and the head, under Hugging Face's names",
    async (architecture) => {
      const place = await tinyPlace({ architecture });
      const { folder } = await tinyRun({}, place);
      const shapes = [...(await weightsOf(folder))].map(([name, { shape }]) => [name, shape]);
      expect(new Map(shapes as [string, number[]][])).toEqual(
        new Map(tinyShapes({ architecture, head: { labels: 2 } })),
      );
    },
  );

  test.each([
    ["without prefix", { head: "bare" }],
    ["with LayerNorm.gamma and beta", { oldNames: true }],
    ["bare and with old names", { head: "bare", oldNames: true }],
    ["with a masked-LM head", { head: "masked-lm" }],
    ["in shards", { sharded: true }],
  ] as const)("a checkpoint %s gives the same as a plain one", async (_, form) => {
    const place = await tinyPlace(form);
    const { folder, summary } = await tinyRun({}, place);
    expect(new Set((await weightsOf(folder)).keys())).toEqual(
      new Set(tinyShapes({ head: { labels: 2 } }).map(([name]) => name)),
    );
    const head = ["classifier.weight", "classifier.bias"];
    const pooler = ["bert.pooler.dense.weight", "bert.pooler.dense.bias"];
    const lacksPooler = "head" in form && form.head === "masked-lm";
    expect(summary.initialised).toEqual(lacksPooler ? [...pooler, ...head] : head);
    expect(summary.unused).toEqual(
      lacksPooler
        ? tinyShapes({ head: "masked-lm" })
            .map(([name]) => name)
            .filter((name) => name.startsWith("cls."))
        : [],
    );
  });

  test("its config.json tells the classes, and keeps what else was there", async () => {
    const place = await tinyPlace({ config: { custom: { kept: true } } });
    const { folder } = await tinyRun({}, place);
    expect(await readJson(join(folder, "config.json"))).toEqual({
      ...(await readJson<object>(join(place.model, "config.json"))),
      architectures: ["BertForSequenceClassification"],
      problem_type: "single_label_classification",
      id2label: { "0": "bad", "1": "good" },
      label2id: { bad: 0, good: 1 },
    });
    const regression = await tinyRun({ task: "regression", label: "score" }, place);
    expect(await readJson(join(regression.folder, "config.json"))).toMatchObject({
      problem_type: "regression",
      id2label: { "0": "LABEL_0" },
      label2id: { LABEL_0: 0 },
    });
  });

  test.each(tinyArchitectures)(
    "%s: its tokenizer files are those of the checkpoint, byte for byte, but for the length that was trained on",
    async (architecture) => {
      const place = await tinyPlace({ architecture });
      const { folder } = await tinyRun({}, place);
      const own = ["config.json", "model.safetensors"];
      const tokenizerFiles = (await readdir(place.model)).filter((name) => !own.includes(name));
      expect(tokenizerFiles).toContain("tokenizer.json");
      for (const name of tokenizerFiles) {
        const [written, given] = [await readFile(join(folder, name)), await readFile(join(place.model, name))];
        if (name !== "tokenizer_config.json") expect(written, name).toEqual(given);
        else expect(JSON.parse(String(written))).toEqual({ ...JSON.parse(String(given)), model_max_length: 40 });
      }
      expect((await readdir(folder)).sort()).toEqual(
        [...own, "metrics.jsonl", "summary.json", ...tokenizerFiles].sort(),
      );
    },
  );

  test.each([
    ["keep", "BF16", "BF16"],
    ["keep", "F32", "F32"],
    ["bfloat16", "F32", "BF16"],
    ["float32", "BF16", "F32"],
    ["float16", "F32", "F16"],
  ] as const)("with --save-dtype %s weights from %s are written as %s", async (saveDtype, dtype, expected) => {
    const place = await tinyPlace({ dtype });
    const { folder } = await tinyRun({ saveDtype }, place);
    const weights = await weightsOf(folder);
    expect(weights.get("bert.encoder.layer.0.output.dense.weight")?.dtype).toBe(expected);
    // The head is new, so there is no storage of its own to keep.
    expect(weights.get("classifier.weight")?.dtype).toBe(saveDtype === "keep" ? "F32" : expected);
    const config = await readJson<{ torch_dtype?: string }>(join(folder, "config.json"));
    expect(config.torch_dtype).toBe(saveDtype === "keep" ? undefined : saveDtype);
  });

  test("a storage that changes is told under the name that the config has for it", async () => {
    const place = await tinyPlace({ config: { dtype: "float32" } });
    const { folder } = await tinyRun({ saveDtype: "bfloat16" }, place);
    const config = await readJson<object>(join(folder, "config.json"));
    expect(config).toMatchObject({ dtype: "bfloat16" });
    expect(config).not.toHaveProperty("torch_dtype");
  });

  test("metrics.jsonl has every step that was asked for, and evaluations before, between and after", async () => {
    const { summary, steps, evaluations } = await tinyRun({
      steps: 6,
      logEvery: 1,
      evalEvery: 2,
      learningRate: 1e-3,
    });
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(steps.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6].map((step) => step / 8));
    expect(steps.map(({ learningRate }) => learningRate)).toEqual(
      [0, 1, 2, 3, 4, 5].map((step) => 1e-3 * (1 - step / 6)),
    );
    for (const { loss, gradientNorm, tokensPerSecond, density } of steps) {
      for (const number of [loss, gradientNorm, tokensPerSecond]) expect(number).toBeGreaterThan(0);
      expect(density).toBeGreaterThan(0);
      expect(density).toBeLessThanOrEqual(0.1);
    }
    expect(evaluations.map(({ step }) => step)).toEqual([0, 2, 4, 6]);
    expect(Object.keys(evaluations[0]?.eval ?? {})).toEqual(["loss", "accuracy", "f1", "matthews"]);
    expect(evaluations.at(-1)?.eval).toEqual(summary.evaluation.final);
  });

  test("summary.json says what the run was and what came of it", async () => {
    const place = await tinyPlace();
    const { folder, summary } = await tinyRun({ density: 0.25, finalDensity: 0.25, seed: 7 }, place);
    expect(await readJson<RunSummary>(join(folder, "summary.json"))).toEqual(summary);
    const shapes = tinyShapes({ head: { labels: 2 } });
    const sizeOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);
    const total = shapes.reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
    const isDense = (name: string) => name.includes("LayerNorm") || name.startsWith("classifier");
    const dense = shapes.filter(([name]) => isDense(name)).reduce((sum, [, shape]) => sum + sizeOf(shape), 0);
    const selected = shapes
      .filter(([name]) => !isDense(name))
      .reduce((sum, [, shape]) => sum + Math.ceil(0.25 * sizeOf(shape)), 0);
    const { parameters } = summary;
    expect(parameters).toMatchObject({
      total,
      dense: { count: dense, share: dense / total },
      selected: { count: selected, share: selected / total },
    });
    expect(parameters.everChanged.count).toBeGreaterThan(dense);
    expect(parameters.everChanged.share).toBe(parameters.everChanged.count / total);
    expect(summary).toMatchObject({
      model: { source: place.model, architecture: "BertForSequenceClassification", type: "bert" },
      task: "classification",
      optimizer: "nanoadam",
      examples: { train: 64, evaluation: 24, truncated: 0 },
      steps: 4,
      stepsPerEpoch: 8,
      seed: 7,
      configuration: {
        model: place.model,
        train: place.train,
        eval: place.evaluation,
        density: 0.25,
        batchSize: 8,
        maxLength: tinyPositions,
        seed: 7,
      },
    });
    for (const number of [summary.wallSeconds, summary.stepMilliseconds, summary.peakRssBytes]) {
      expect(number).toBeGreaterThan(0);
    }
    expect(summary.optimizerStateBytes).toBeGreaterThanOrEqual(10 * selected + 8 * dense);
    expect(Object.keys(summary.versions)).toEqual(expect.arrayContaining(["nanoadam", "node", "@nanoadam/engine"]));
    expect(Object.keys(summary.evaluation.before)).toEqual(["loss", "accuracy", "f1", "matthews"]);
  });
});

test.each(["model", "train", "evaluation"] as const)(
  "a folder that the run's %s lies in is not written to, even with --overwrite",
  async (own) => {
    const [place, elsewhere] = [await tinyPlace(), await tinyPlace()];
    const output = own === "model" ? place.model : place.folder;
    const before = await readdir(place.folder, { recursive: true });
    const flag = own === "evaluation" ? "`eval`" : `\`${own}\``;
    await expectRefusal(tinyRun({ output, overwrite: true }, { ...elsewhere, [own]: place[own] }), output, flag);
    expect(await readdir(place.folder, { recursive: true })).toEqual(before);
  },
);
