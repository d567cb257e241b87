/** Whole runs on tiny checkpoints: what is learned, what is written, and what must not have moved. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AbortError, DivergenceError } from "../errors.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import { floatsOf, type RawTensor, readTensors } from "../testing/tensors.js";
import {
  type TinyCheckpointOptions,
  tinyArchitectures,
  tinyPositions,
  tinyShapes,
  writeTinyCheckpoint,
} from "../testing/tiny-checkpoint.js";
import { tinyRows, writeTinyData } from "../testing/tiny-data.js";
import type { EvaluationRecord, StepRecord } from "../train/observer.js";
import { finetune } from "./finetune.js";
import { evaluate, predict } from "./open-model.js";
import type { RunSummary } from "./summary.js";

/** A tiny checkpoint and labelled texts in a folder of their own, and how to run on them. */
async function workplace(checkpoint: TinyCheckpointOptions = {}, rows = tinyRows(64)) {
  const folder = await temporaryFolder();
  const model = await writeTinyCheckpoint(join(folder, "model"), checkpoint);
  const train = await writeTinyData(join(folder, "train.tsv"), rows);
  const evaluation = await writeTinyData(join(folder, "eval.tsv"), tinyRows(24, 99));
  let runs = 0;
  return {
    folder,
    model,
    train,
    evaluation,
    async run(options: Partial<FinetuneInput> = {}) {
      const output = join(folder, `output-${runs++}`);
      const input = {
        model,
        train,
        eval: evaluation,
        output,
        text: "sentence",
        label: "label",
        batchSize: 8,
        threads: 1,
      };
      const summary = await finetune({ ...input, learningRate: 5e-3, steps: 4, ...options });
      return { summary, output: options.output ?? output };
    },
  };
}

async function readJson<Content>(path: string): Promise<Content> {
  return JSON.parse(await readFile(path, "utf8")) as Content;
}

async function readMetrics(output: string): Promise<(StepRecord | EvaluationRecord)[]> {
  const lines = (await readFile(join(output, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as StepRecord | EvaluationRecord);
}

const weightsOf = (folder: string) => readTensors(join(folder, "model.safetensors"));

test.each(tinyArchitectures)("%s with checkpointing: the same bits from less memory", async (architecture) => {
  const { run } = await workplace({ architecture });
  const [kept, recomputed] = [await run({ dropout: 0.2 }), await run({ dropout: 0.2, checkpointing: "stage" })];
  expect(await weightsOf(recomputed.output)).toEqual(await weightsOf(kept.output));
  expect(recomputed.summary.evaluation).toEqual(kept.summary.evaluation);
});

describe("each architecture learns what one word tells", () => {
  const learning = { learningRate: 1e-2, steps: undefined, epochs: 12, evalEvery: 1000, density: 0.5, dropout: 0 };

  for (const architecture of tinyArchitectures) {
    test.each(["nanoadam", "adamw"] as const)(`${architecture} with %s: classes`, async (optimizer) => {
      const { run } = await workplace({ architecture }, tinyRows(128));
      const { summary } = await run({ ...learning, optimizer });
      const { before, final } = summary.evaluation;
      expect(final.loss).toBeLessThan(0.5 * before.loss);
      expect(final.accuracy).toBeGreaterThan(0.9);
    });

    test.each(["nanoadam", "adamw"] as const)(`${architecture} with %s: numbers`, async (optimizer) => {
      const { run } = await workplace({ architecture }, tinyRows(128));
      const { summary } = await run({ ...learning, optimizer, task: "regression", label: "score" });
      const { before, final } = summary.evaluation;
      expect(final.loss).toBeLessThan(0.25 * before.loss);
      expect(final.pearson).toBeGreaterThan(0.9);
    });

    test.each(["nanoadam", "adamw"] as const)(`${architecture} with %s: hidden tokens`, async (optimizer) => {
      const checkpoint = { architecture, head: "masked-lm" } as const;
      const { run } = await workplace(checkpoint);
      const { summary, output } = await run({ ...learning, optimizer, task: "masked-lm", label: undefined });
      const { before, final } = summary.evaluation;
      expect(final.loss).toBeLessThan(before.loss - 0.5);
      expect(final.perplexity).toBeCloseTo(Math.exp(final.loss), 6);
      expect(new Set((await weightsOf(output)).keys())).toEqual(new Set(tinyShapes(checkpoint).map(([name]) => name)));
      const config = await readJson<{ architectures: string[] }>(join(output, "config.json"));
      expect(config.architectures[0]).toMatch(/ForMaskedLM$/);
    });
  }
});

describe("the folder that is written", () => {
  test.each(tinyArchitectures)(
    "%s: has the checkpoint's tensors and the head, under Hugging Face's names",
    async (architecture) => {
      const { run } = await workplace({ architecture });
      const { output } = await run();
      const shapes = [...(await weightsOf(output))].map(([name, { shape }]) => [name, shape]);
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
    const { run } = await workplace(form);
    const { output, summary } = await run();
    expect(new Set((await weightsOf(output)).keys())).toEqual(
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
    const { run, model } = await workplace({ config: { custom: { kept: true } } });
    const { output } = await run();
    expect(await readJson(join(output, "config.json"))).toEqual({
      ...(await readJson<object>(join(model, "config.json"))),
      architectures: ["BertForSequenceClassification"],
      problem_type: "single_label_classification",
      id2label: { "0": "bad", "1": "good" },
      label2id: { bad: 0, good: 1 },
    });
    const regression = await run({ task: "regression", label: "score" });
    expect(await readJson(join(regression.output, "config.json"))).toMatchObject({
      problem_type: "regression",
      id2label: { "0": "LABEL_0" },
      label2id: { LABEL_0: 0 },
    });
  });

  test.each(tinyArchitectures)(
    "%s: its tokenizer files are those of the checkpoint, byte for byte",
    async (architecture) => {
      const { run, model } = await workplace({ architecture });
      const { output } = await run();
      const own = ["config.json", "model.safetensors"];
      const tokenizerFiles = (await readdir(model)).filter((name) => !own.includes(name));
      expect(tokenizerFiles).toContain("tokenizer.json");
      for (const name of tokenizerFiles) {
        expect(await readFile(join(output, name)), name).toEqual(await readFile(join(model, name)));
      }
      expect((await readdir(output)).sort()).toEqual(
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
    const { run } = await workplace({ dtype });
    const { output } = await run({ saveDtype });
    const weights = await weightsOf(output);
    expect(weights.get("bert.encoder.layer.0.output.dense.weight")?.dtype).toBe(expected);
    // The head is new, so there is no storage of its own to keep.
    expect(weights.get("classifier.weight")?.dtype).toBe(saveDtype === "keep" ? "F32" : expected);
    const config = await readJson<{ torch_dtype?: string }>(join(output, "config.json"));
    expect(config.torch_dtype).toBe(saveDtype === "keep" ? undefined : saveDtype);
  });

  test("a storage that changes is told under the name that the config has for it", async () => {
    const { run } = await workplace({ config: { dtype: "float32" } });
    const { output } = await run({ saveDtype: "bfloat16" });
    const config = await readJson<object>(join(output, "config.json"));
    expect(config).toMatchObject({ dtype: "bfloat16" });
    expect(config).not.toHaveProperty("torch_dtype");
  });

  test("metrics.jsonl has every step that was asked for, and evaluations before, between and after", async () => {
    const { run } = await workplace();
    const { output, summary } = await run({ steps: 6, logEvery: 1, evalEvery: 2, learningRate: 1e-3 });
    const records = await readMetrics(output);
    const steps = records.filter((record): record is StepRecord => "loss" in record);
    const evaluations = records.filter((record): record is EvaluationRecord => "eval" in record);
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
    const { run, model, train, evaluation } = await workplace();
    const { output, summary } = await run({ density: 0.25, finalDensity: 0.25, seed: 7 });
    expect(await readJson<RunSummary>(join(output, "summary.json"))).toEqual(summary);
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
      model: { source: model, architecture: "BertForSequenceClassification", type: "bert" },
      task: "classification",
      optimizer: "nanoadam",
      examples: { train: 64, evaluation: 24, truncated: 0 },
      steps: 4,
      stepsPerEpoch: 8,
      seed: 7,
      configuration: { model, train, eval: evaluation, density: 0.25, batchSize: 8, maxLength: tinyPositions, seed: 7 },
    });
    for (const number of [summary.wallSeconds, summary.stepMilliseconds, summary.peakRssBytes]) {
      expect(number).toBeGreaterThan(0);
    }
    expect(summary.optimizerStateBytes).toBeGreaterThanOrEqual(10 * selected + 8 * dense);
    expect(Object.keys(summary.versions)).toEqual(expect.arrayContaining(["nanoadam", "node", "@nanoadam/engine"]));
    expect(Object.keys(summary.evaluation.before)).toEqual(["loss", "accuracy", "f1", "matthews"]);
  });
});

describe("the mean shift of a summary", () => {
  test("is the mean l2 norm of what each of the checkpoint's tensors moved by", async () => {
    const { run, model } = await workplace();
    const { output, summary } = await run();
    const [before, after] = [await weightsOf(model), await weightsOf(output)];
    const shifts = [...before].map(([name, tensor]) => {
      const written = after.get(name);
      if (written === undefined) throw new Error(`${name} was not written`);
      const start = floatsOf(tensor);
      return Math.hypot(...Array.from(floatsOf(written), (value, i) => value - (start[i] ?? 0)));
    });
    const mean = shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length;
    expect(mean).toBeGreaterThan(0);
    expect(summary.parameters.meanShift).toBeCloseTo(mean, 8);
  });

  test("is 0 for a run that took no weights from the checkpoint", async () => {
    const { run } = await workplace();
    const { summary } = await run({ fromScratch: true });
    expect(summary.parameters.everChanged.count).toBeGreaterThan(0);
    expect(summary.parameters.meanShift).toBe(0);
  });
});

/** The flat indices of the smallest magnitudes of each chunk of 32,768 entries, by sorting. */
function smallestBySorting(values: Float32Array, density: number): Set<number> {
  const chosen = new Set<number>();
  for (let start = 0; start < values.length; start += 32768) {
    const chunk = Array.from(values.subarray(start, start + 32768), (value, i) => ({ size: Math.abs(value), i }));
    chunk.sort((a, b) => a.size - b.size || a.i - b.i);
    for (const { i } of chunk.slice(0, Math.max(1, Math.ceil(density * chunk.length)))) chosen.add(start + i);
  }
  return chosen;
}

/** Entry by entry, whether two tensors of the same dtype have the same bits. */
function entriesThatDiffer(a: RawTensor, b: RawTensor): number[] {
  const wordsOf = ({ dtype, bytes }: RawTensor) =>
    dtype === "F32" ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  const [left, right] = [wordsOf(a), wordsOf(b)];
  expect(left.length).toBe(right.length);
  return [...left.keys()].filter((i) => left[i] !== right[i]);
}

describe("what NanoAdam leaves alone", () => {
  // 2,100 rows of 16 make two chunks.
  const large = { vocabularySize: 2100 };
  const stays = { maskInterval: 1000, densityInterval: 1000, finalDensity: 0.2, density: 0.2 };

  test.each(
    tinyArchitectures.flatMap((architecture) => [[architecture, "F32"] as const, [architecture, "BF16"] as const]),
  )("%s stored as %s: every entry outside a selection that is made once has its bits", async (architecture, dtype) => {
    const { run, model } = await workplace({ architecture, dtype, ...large });
    const { output } = await run({ ...stays, steps: 6, weightDecay: 0.1 });
    const [before, after] = [await weightsOf(model), await weightsOf(output)];
    let moved = 0;
    for (const [name, tensor] of before) {
      const written = after.get(name);
      if (written === undefined) throw new Error(`${name} was not written`);
      const differing = entriesThatDiffer(tensor, written);
      moved += differing.length;
      if (/norm/i.test(name)) continue;
      const allowed = smallestBySorting(floatsOf(tensor), 0.2);
      expect(
        differing.filter((entry) => !allowed.has(entry)),
        name,
      ).toEqual([]);
    }
    expect(moved).toBeGreaterThan(1000);
  });

  test("with selections made anew at every step, more entries move than are selected at a time", async () => {
    const { run } = await workplace();
    const once = await run({ ...stays, steps: 8 });
    const anew = await run({ ...stays, maskInterval: 1, steps: 8 });
    const changed = ({ summary }: typeof once) => summary.parameters.everChanged.count;
    expect(changed(anew)).toBeGreaterThan(changed(once));
  });
});

describe("the same seed", () => {
  /** The records without what a clock decides. */
  const withoutTimes = (records: (StepRecord | EvaluationRecord)[]) =>
    records.map((record) => ({ ...record, tokensPerSecond: undefined }));

  test("gives the same bytes and the same metrics; another seed does not", async () => {
    const { run } = await workplace();
    const outputs = [];
    for (const seed of [5, 5, 6]) outputs.push((await run({ seed, steps: 10, logEvery: 1, eval: undefined })).output);
    const [first, second, other] = outputs as [string, string, string];
    const bytesOf = (output: string) => readFile(join(output, "model.safetensors"));
    expect((await bytesOf(first)).equals(await bytesOf(second))).toBe(true);
    expect(withoutTimes(await readMetrics(first))).toEqual(withoutTimes(await readMetrics(second)));
    expect((await bytesOf(first)).equals(await bytesOf(other))).toBe(false);
    expect(withoutTimes(await readMetrics(first))).not.toEqual(withoutTimes(await readMetrics(other)));
  });
});

describe("gradients that are sampled or taken from whole products", () => {
  const densities = { density: 0.2, finalDensity: 0.2, maskInterval: 2, dropout: 0, learningRate: 1e-3 };

  test.each([
    ["classification", {}],
    ["masked-lm", { task: "masked-lm", label: undefined }],
  ] as const)("%s: are the same weights but for rounding", async (_, options) => {
    const { run } = await workplace({ head: "masked-lm" });
    const folders = [];
    for (const sampledBelow of [0, 1]) {
      const { output, summary } = await run({ ...densities, ...options, sampledBelow });
      expect(summary.sampledBelow).toBe(sampledBelow);
      folders.push(output);
    }
    const [whole, sampled] = await Promise.all(folders.map(weightsOf));
    for (const [name, tensor] of whole ?? []) {
      // The bias of the keys cancels in the softmax: its gradient is rounding alone, which Adam blows up.
      if (name.endsWith("key.bias")) continue;
      const [wanted, found] = [floatsOf(tensor), floatsOf(sampled?.get(name) ?? tensor)];
      const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const furthest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
      expect(furthest / largest, name).toBeLessThan(1e-5);
    }
    expect(sampled).not.toEqual(whole);
  });

  test("are computed alone from when the density has fallen below the bound", async () => {
    const { run } = await workplace();
    const falling = { ...densities, density: 0.6, finalDensity: 0.1, steps: 8, densityInterval: 2 };
    const weights = async (sampledBelow: number) => weightsOf((await run({ ...falling, sampledBelow })).output);
    const [never, late, always] = [await weights(0), await weights(0.3), await weights(1)];
    expect(late).not.toEqual(never);
    expect(late).not.toEqual(always);
  });
});

describe("batches", () => {
  test("two of four whose gradients are accumulated make the same step as one of eight", async () => {
    // Eight examples are one step of either kind, whatever their order.
    const { run } = await workplace({}, tinyRows(8));
    const options = { steps: 3, dropout: 0, density: 1, finalDensity: 1, clip: 0, learningRate: 1e-3 };
    const whole = await run({ ...options, batchSize: 8 });
    const halves = await run({ ...options, batchSize: 4, accumulate: 2 });
    expect(halves.summary.stepsPerEpoch).toBe(1);
    const expected = await weightsOf(whole.output);
    for (const [name, tensor] of await weightsOf(halves.output)) {
      const [found, wanted] = [floatsOf(tensor), floatsOf(expected.get(name) ?? tensor)];
      // The bias of the keys cancels in the softmax: its gradient is rounding alone, which Adam blows up.
      if (name.endsWith("key.bias")) continue;
      const furthest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
      expect(furthest, name).toBeLessThan(1e-4);
    }
  });

  test("without --eval a share of the rows is held out; --limit-train and --limit-eval take the first", async () => {
    const { run } = await workplace();
    const examples = async (options: Partial<FinetuneInput>) =>
      (await run({ steps: 1, eval: undefined, ...options })).summary.examples;
    expect(await examples({})).toMatchObject({ train: 58, evaluation: 6 });
    expect(await examples({ evalShare: 0.25 })).toMatchObject({ train: 48, evaluation: 16 });
    expect(await examples({ evalShare: 0.25, limitTrain: 20, limitEval: 3 })).toMatchObject({
      train: 15,
      evaluation: 3,
    });
  });

  test("texts longer than --max-length are cut, and counted", async () => {
    const { run } = await workplace();
    const { summary } = await run({ maxLength: 5, steps: 1 });
    const lengths = [...tinyRows(64), ...tinyRows(24, 99)].map(({ sentence }) => sentence.split(" ").length);
    expect(summary.examples.truncated).toBe(lengths.filter((length) => length > 3).length);
  });

  test("texts longer than the model's positions are cut without being asked, and counted", async () => {
    const rows = tinyRows(16).map((row) => ({ ...row, sentence: `${row.sentence} ${"film ".repeat(100)}` }));
    const { run } = await workplace({}, rows);
    const { summary } = await run({ steps: 1 });
    expect(summary.configuration.maxLength).toBe(tinyPositions);
    expect(summary.examples.truncated).toBe(16);
  });
});

describe("heads", () => {
  test("a classifier with another number of labels makes way for a fresh one", async () => {
    const { run, model } = await workplace({ head: { labels: 5 } });
    const { summary, output } = await run();
    expect(summary.initialised).toEqual(["classifier.weight", "classifier.bias"]);
    expect(summary.unused).toEqual(["classifier.weight", "classifier.bias"]);
    expect((await weightsOf(output)).get("classifier.weight")?.shape).toEqual([2, 16]);
    expect((await weightsOf(model)).get("classifier.weight")?.shape).toEqual([5, 16]);
  });

  test("one with as many labels is kept", async () => {
    const { run } = await workplace({ head: { labels: 2 } });
    expect((await run()).summary.initialised).toEqual([]);
  });
});

describe("evaluate and predict", () => {
  test.each([
    ["classification", "label", {}],
    ["classification", "label", { labelSmoothing: 0.2, classWeights: "balanced" }],
    ["regression", "score", {}],
    ["masked-lm", undefined, {}],
  ] as const)(
    "%s of %s with %o: the written folder evaluates to the run's last numbers",
    async (task, label, extra) => {
      const uneven = [...tinyRows(40), ...tinyRows(80, 3).filter((row) => row.label === "good")];
      const { run, evaluation } = await workplace({}, uneven);
      const { output, summary } = await run({ task, label, steps: 12, ...extra });
      const report = await evaluate({
        model: output,
        data: evaluation,
        text: "sentence",
        label,
        batchSize: 8,
        threads: 1,
      });
      expect(report).toMatchObject({ task, examples: 24, truncated: 0 });
      expect(Object.keys(report.evaluation)).toEqual(Object.keys(summary.evaluation.final));
      for (const [name, value] of Object.entries(summary.evaluation.final)) {
        expect(Math.abs((report.evaluation[name] ?? Number.NaN) - value), name).toBeLessThan(1e-6);
      }
    },
  );

  test("the loss of an evaluation does not depend on the batch size, weighted classes or not", async () => {
    const { run, evaluation } = await workplace();
    const { output, summary } = await run({ steps: 12, classWeights: "balanced", limitTrain: 9 });
    for (const batchSize of [1, 7, 24]) {
      const { evaluation: found } = await evaluate({
        model: output,
        data: evaluation,
        text: "sentence",
        label: "label",
        batchSize,
      });
      expect(found.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
    }
  });

  test("predictions come in the order of the rows, with probabilities that add up to one", async () => {
    const { run, evaluation } = await workplace({}, tinyRows(128));
    const { output } = await run({ learningRate: 1e-2, steps: 100, density: 0.5, dropout: 0, evalEvery: 1000 });
    const predictions = await predict({ model: output, data: evaluation, text: "sentence", batchSize: 5, threads: 1 });
    const rows = tinyRows(24, 99);
    expect(predictions.map(({ text }) => text)).toEqual(rows.map(({ sentence }) => sentence));
    let right = 0;
    for (const [i, prediction] of predictions.entries()) {
      if (!("label" in prediction)) throw new Error("expected labels");
      const { label, probability, probabilities } = prediction;
      expect(Object.keys(probabilities)).toEqual(["bad", "good"]);
      expect((probabilities.bad ?? 0) + (probabilities.good ?? 0)).toBeCloseTo(1, 6);
      expect(probability).toBe(probabilities[label]);
      expect(probability).toBeGreaterThanOrEqual(0.5);
      if (label === rows[i]?.label) right++;
    }
    expect(right).toBeGreaterThan(21);
    const [alone] = await predict({ model: output, text: rows[3]?.sentence ?? "", threads: 1 });
    expect(alone).toMatchObject({ label: (predictions[3] as { label?: string }).label });
  });

  test("a regression predicts numbers, and pairs of texts are taken as pairs", async () => {
    const { run, evaluation } = await workplace();
    const { output } = await run({ task: "regression", label: "score", text: "sentence,reply" });
    const [first] = await predict({ model: output, data: evaluation, text: "sentence,reply", threads: 1 });
    const [row] = tinyRows(1, 99);
    expect(first).toEqual({ text: row?.sentence, textPair: row?.reply, value: expect.any(Number) });
    const [same] = await predict({ model: output, text: row?.sentence ?? "", textPair: row?.reply ?? "", threads: 1 });
    expect((same as { value?: number }).value).toBeCloseTo((first as { value: number }).value, 5);
  });
});

describe("a run that diverges", () => {
  async function divergence(promise: Promise<unknown>): Promise<string> {
    const error: unknown = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DivergenceError);
    return String((error as Error).message);
  }

  test.each([
    ["nanoadam", 1e30, 20],
    ["adamw", 1e30, 20],
    // Weights themselves become infinite in the first step.
    ["nanoadam", 1e39, 20],
    ["adamw", 1e39, 20],
    // There is no later step to notice.
    ["nanoadam", 1e30, 1],
    ["adamw", 1e39, 1],
  ] as const)(
    "%s at a learning rate of %d for %d steps leaves the last good weights",
    async (optimizer, learningRate, steps) => {
      const { run, evaluation, folder } = await workplace();
      const output = join(folder, "diverged");
      const message = await divergence(run({ output, optimizer, learningRate, steps, clip: 0 }));
      expect(message).toMatch(/ at step [12] /);
      expect(message).toMatch(/learning rate \d/);
      expect(message).toContain(output);
      expect(message.split("\n")).toHaveLength(1);
      const summary = await readJson<RunSummary>(join(output, "summary.json"));
      expect(summary.stopped?.step).toBeLessThanOrEqual(2);
      expect(summary.evaluation.final.loss).toEqual(expect.any(Number));
      for (const [name, tensor] of await weightsOf(output))
        expect(floatsOf(tensor).every(Number.isFinite), name).toBe(true);
      const report = await evaluate({ model: output, data: evaluation, text: "sentence", label: "label", threads: 1 });
      expect(report.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 6);
    },
  );
});

test("an interrupted run writes nothing", async () => {
  const { folder, model, train } = await workplace();
  const controller = new AbortController();
  const input = { model, train, output: join(folder, "out"), text: "sentence", label: "label", threads: 1 };
  const run = finetune(input, { signal: controller.signal, onStep: () => controller.abort("enough") });
  await expect(run).rejects.toBeInstanceOf(AbortError);
  await expect(run).rejects.toMatchObject({ cause: "enough" });
  await expect(run).rejects.toThrow(/interrupted after 1 of \d+ steps; nothing was written/);
  expect((await readdir(folder)).sort()).toEqual(["eval.tsv", "model", "train.tsv"]);
});
