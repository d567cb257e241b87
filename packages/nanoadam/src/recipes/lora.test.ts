/** Adapters: what is written is PEFT's folder, what is frozen stays, and merging changes nothing. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openModelFolder } from "../checkpoint/adapter.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { floatsOf, readTensors } from "../testing/tensors.js";
import { type TinyArchitecture, type TinyCheckpointOptions, writeTinyCheckpoint } from "../testing/tiny-checkpoint.js";
import { tinyPlace, tinyRun } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";
import { exportModel } from "./export.js";
import { predict } from "./predict.js";

/** A tiny checkpoint, and where an adapter of it and the two merged are written. */
async function workplace(checkpoint: TinyCheckpointOptions = {}) {
  const place = await tinyPlace(checkpoint);
  const { folder, model, train: data } = place;
  const adapter = join(folder, "adapter");
  const merged = join(folder, "merged");
  const run = async (options: Partial<FinetuneInput> = {}) => {
    const common = { eval: data, output: adapter, learningRate: 1e-2, epochs: 3, loraRank: 4 } as const;
    return (await tinyRun({ ...common, optimizer: "adamw", ...options }, place)).summary;
  };
  const measure = async (at: string) =>
    (await evaluate({ model: at, data, text: "sentence", label: "label", threads: 1 })).evaluation;
  return { folder, model, adapter, merged, run, measure };
}

/** Names and shapes of a safetensors file. */
async function shapesOf(file: string): Promise<Record<string, readonly number[]>> {
  return Object.fromEntries([...(await readTensors(file))].map(([name, { shape }]) => [name, shape]).sort());
}

/** What PEFT writes for two layers of width 16 with an adapter of rank 4, next to the head that it trains whole. */
const expected: Readonly<Record<TinyArchitecture, Readonly<Record<string, readonly number[]>>>> = {
  bert: {
    ...adapters((layer) => `bert.encoder.layer.${layer}.attention.self`, ["query", "value"]),
    "base_model.model.classifier.weight": [2, 16],
    "base_model.model.classifier.bias": [2],
  },
  roberta: {
    ...adapters((layer) => `roberta.encoder.layer.${layer}.attention.self`, ["query", "value"]),
    "base_model.model.classifier.dense.weight": [16, 16],
    "base_model.model.classifier.dense.bias": [16],
    "base_model.model.classifier.out_proj.weight": [2, 16],
    "base_model.model.classifier.out_proj.bias": [2],
  },
  distilbert: {
    ...adapters((layer) => `distilbert.transformer.layer.${layer}.attention`, ["q_lin", "v_lin"]),
    "base_model.model.pre_classifier.weight": [16, 16],
    "base_model.model.pre_classifier.bias": [16],
    "base_model.model.classifier.weight": [2, 16],
    "base_model.model.classifier.bias": [2],
  },
};

function adapters(module: (layer: number) => string, targets: readonly string[]): Record<string, readonly number[]> {
  const names = [0, 1].flatMap((layer) => targets.map((target) => `base_model.model.${module(layer)}.${target}`));
  return Object.fromEntries(
    names.flatMap((name) => [
      [`${name}.lora_A.weight`, [4, 16]],
      [`${name}.lora_B.weight`, [16, 4]],
    ]),
  );
}

describe.each(["bert", "roberta", "distilbert"] as const)("an adapter of %s", (architecture) => {
  test("is a folder of PEFT's tensors, and merging it changes nothing", async () => {
    const { adapter, merged, model, run, measure } = await workplace({ architecture, head: { labels: 2 } });
    const { evaluation, parameters } = await run();
    expect(evaluation.final.loss).toBeLessThan(evaluation.before.loss);
    expect(await shapesOf(join(adapter, "adapter_model.safetensors"))).toEqual(
      Object.fromEntries(Object.entries(expected[architecture]).sort()),
    );
    const trained = Object.values(expected[architecture]).reduce(
      (sum, shape) => sum + shape.reduce((product, side) => product * side, 1),
      0,
    );
    expect(parameters.dense.count).toBe(trained);

    expect((await measure(adapter)).loss).toBeCloseTo(evaluation.final.loss, 5);
    await exportModel({ model: adapter, merge: true, output: merged });
    expect((await measure(merged)).loss).toBeCloseTo(evaluation.final.loss, 5);

    const [before, after] = [
      await readTensors(join(model, "model.safetensors")),
      await readTensors(join(merged, "model.safetensors")),
    ];
    const changed = [...after].filter(
      ([name, { bytes }]) => Buffer.compare(bytes, before.get(name)?.bytes ?? bytes) !== 0,
    );
    const whole =
      architecture === "distilbert" ? /(q_lin|v_lin)\.weight|classifier/ : /(query|value)\.weight|classifier/;
    expect(changed.length).toBeGreaterThan(4);
    for (const [name] of changed) expect(name).toMatch(whole);
  });
});

test("a base in bfloat16 is merged into bfloat16, as the adapter's folder is read", async () => {
  const { adapter, merged, run } = await workplace({ head: { labels: 2 }, dtype: "BF16" });
  await run();
  await exportModel({ model: adapter, merge: true, output: merged });
  const checkpoint = await openModelFolder(adapter);
  const tensors = await readTensors(join(merged, "model.safetensors"));
  expect(tensors.size).toBeGreaterThan(30);
  for (const [name, { dtype, shape, bytes }] of tensors) {
    expect([dtype, shape]).toEqual(["BF16", checkpoint.entries.get(name)?.shape]);
    const expected = new Uint16Array(bytes.length / 2);
    await checkpoint.read(name, expected);
    expect(new Uint16Array(bytes.buffer), name).toEqual(expected);
  }
  await checkpoint.close();
});

test("the mean shift counts an adapter's product as what its layer moved by", async () => {
  const { adapter, merged, model, run } = await workplace({ head: { labels: 2 } });
  const { parameters } = await run({ loraAlpha: 12 });
  await exportModel({ model: adapter, merge: true, output: merged });
  const before = await readTensors(join(model, "model.safetensors"));
  const shifts = [...(await readTensors(join(merged, "model.safetensors")))].map(([name, tensor]) => {
    const start = before.get(name);
    if (start === undefined) throw new Error(`the checkpoint has no ${name}`);
    const values = floatsOf(start);
    return Math.hypot(...Array.from(floatsOf(tensor), (value, i) => value - (values[i] ?? 0)));
  });
  const mean = shifts.reduce((sum, shift) => sum + shift, 0) / shifts.length;
  expect(mean).toBeGreaterThan(0);
  expect(parameters.meanShift).toBeCloseTo(mean, 6);
});

test("adapter_config.json has PEFT's fields", async () => {
  const { adapter, model, run } = await workplace({ head: { labels: 2 } });
  await run({ loraAlpha: 12, loraDropout: 0.1, loraTargets: "query,output.dense" });
  expect(JSON.parse(await readFile(join(adapter, "adapter_config.json"), "utf8"))).toMatchObject({
    peft_type: "LORA",
    task_type: "SEQ_CLS",
    base_model_name_or_path: model,
    r: 4,
    lora_alpha: 12,
    lora_dropout: 0.1,
    target_modules: ["query", "output.dense"],
    modules_to_save: ["classifier"],
    bias: "none",
  });
});

test.each(["nanoadam", "nanosgd", "nanolion", "adamw8bit", "microadam", "galore", "sgd"] as const)(
  "%s trains adapters",
  async (optimizer) => {
    const { run, measure, adapter } = await workplace({ head: { labels: 2 } });
    const { evaluation, optimizerStateBytes, parameters } = await run({
      optimizer,
      loraTargets: "all-linear",
      loraDropout: 0.1,
      density: 0.5,
      learningRate: 1e-2,
    });
    expect(evaluation.final.loss).toBeLessThan(evaluation.before.loss);
    expect(optimizerStateBytes).toBeGreaterThan(0);
    expect((await measure(adapter)).loss).toBeCloseTo(evaluation.final.loss, 5);
    // NanoAdam selects from A and B; the head is updated whole.
    if (optimizer === "nanoadam") {
      expect(parameters.selected.count).toBeGreaterThan(0);
      expect(parameters.dense.count).toBe(2 * 16 + 2);
    }
  },
);

test("a head that the checkpoint lacks is trained and stored whole", async () => {
  const { adapter, run } = await workplace({ head: "masked-lm" });
  await run();
  const names = Object.keys(await shapesOf(join(adapter, "adapter_model.safetensors")));
  expect(names).toContain("base_model.model.bert.pooler.dense.weight");
  expect(names).toContain("base_model.model.classifier.weight");
});

test("an adapter trained on masked tokens has no head of its own", async () => {
  const { adapter, run } = await workplace({ head: "masked-lm" });
  await run({ task: "masked-lm", label: undefined });
  const names = Object.keys(await shapesOf(join(adapter, "adapter_model.safetensors")));
  expect(names.every((name) => /lora_[AB]\.weight$/.test(name))).toBe(true);
});

test("a merged adapter is fine-tuned further from its folder", async () => {
  const { folder, adapter, run } = await workplace({ head: { labels: 2 } });
  const first = await run();
  const second = await run({ model: adapter, output: join(folder, "second"), loraRank: undefined });
  expect(second.evaluation.before.loss).toBeCloseTo(first.evaluation.final.loss, 5);
});

test("the base model is found beside the adapter, or where --base says", async () => {
  const { folder, adapter, merged, model, run } = await workplace({ head: { labels: 2 } });
  await run();
  const path = join(adapter, "adapter_config.json");
  const config = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...config, base_model_name_or_path: "../model" }));
  const [prediction] = await predict({ model: adapter, text: "good" });
  expect(prediction).toHaveProperty("label");
  await rename(model, join(folder, "moved"));
  await expect(predict({ model: adapter, text: "good" })).rejects.toThrow(/base model "\.\.\/model".*looked at/);
  await exportModel({ model: adapter, base: join(folder, "moved"), merge: true, output: merged });
  expect(await predict({ model: merged, text: "good" })).toMatchObject([{ text: "good" }]);
});

describe("refuses", () => {
  test("a target that names no layer, and lists those there are", async () => {
    const { run } = await workplace();
    await expect(run({ loraTargets: "q_proj" })).rejects.toThrow(
      '`loraTargets` has "q_proj", which names no linear layer; there are query, key, value, dense',
    );
  });

  test("settings of an adapter without its rank", async () => {
    const { run } = await workplace();
    await expect(run({ loraRank: undefined, loraAlpha: 16 })).rejects.toThrow("`loraAlpha` needs `loraRank`");
  });

  test.each([
    [{ peft_type: "IA3" }, 'peft_type is "IA3", expected "LORA"'],
    [{ use_dora: true }, "has no lora_magnitude_vector"],
    [{ use_qalora: true }, "use_qalora is true, expected false"],
    [{ r: 0 }, "r is 0, expected a rank of at least 1"],
    [{ rank_pattern: { query: 2 } }, "attention.self.query is 2 (r, rank_pattern), but its lora_A has 4"],
  ])("an adapter of another kind: %j", async (change, message) => {
    const { adapter, run } = await workplace({ head: { labels: 2 } });
    await run({ steps: 1, epochs: undefined });
    const path = join(adapter, "adapter_config.json");
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...change }));
    await expect(predict({ model: adapter, text: "good" })).rejects.toThrow(message);
  });

  test("an adapter of a model of another size", async () => {
    const { folder, adapter, merged, run } = await workplace({ head: { labels: 2 } });
    await run({ steps: 1, epochs: undefined });
    const other = await writeTinyCheckpoint(join(folder, "other"), { architecture: "roberta", head: { labels: 2 } });
    await expect(exportModel({ model: adapter, base: other, merge: true, output: merged })).rejects.toThrow(
      /adapts bert\.encoder\.layer\.0\.attention\.self\.query\.weight, which the base model lacks/,
    );
  });

  test("to export what is no adapter, or not to merge", async () => {
    const { adapter, merged, model, run } = await workplace();
    await expect(exportModel({ model, merge: true, output: merged })).rejects.toThrow(/no adapter to merge/);
    await run({ steps: 1, epochs: undefined });
    await expect(exportModel({ model: adapter, output: merged })).rejects.toThrow("`merge` is needed");
  });
});
