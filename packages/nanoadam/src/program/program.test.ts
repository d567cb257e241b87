/** Whole models: gradients against differences of the loss, and where dropout is. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { openCheckpoint } from "../checkpoint/checkpoint.js";
import { narrowToBfloat16, widenBfloat16 } from "../checkpoint/floats.js";
import { loadPretrained } from "../checkpoint/pretrained.js";
import { batchType, int32Tensor } from "../data/batch.js";
import { createLabelMap } from "../data/labels.js";
import { dataSource } from "../data/source.js";
import { textEncoder } from "../data/text/encoder.js";
import { loadTokenizer } from "../data/text/load.js";
import type { StepKey } from "../random-streams.js";
import { classificationTask } from "../tasks/classification.js";
import { loadBatch } from "../tasks/load-batch.js";
import { maskedLmTask } from "../tasks/masked-lm.js";
import { regressionTask } from "../tasks/regression.js";
import type { Task } from "../tasks/task.js";
import { temporaryFolder } from "../testing/temporary-folder.js";
import {
  seededUniform,
  type TinyArchitecture,
  tinyArchitectures,
  writeTinyCheckpoint,
} from "../testing/tiny-checkpoint.js";
import { tinyRows } from "../testing/tiny-data.js";
import { float32Sums, wholeGradients } from "../testing/whole-gradients.js";
import type { Weights } from "./compile-stages.js";
import { Program } from "./program.js";

type TaskName = "classification" | "regression" | "masked-lm";

/** A tiny model with weights large enough that every part of it matters, and a batch of four texts, two of them pairs. */
async function setUp(architecture: TinyArchitecture, taskName: TaskName) {
  const head = taskName === "masked-lm" ? taskName : { labels: taskName === "regression" ? 1 : 3 };
  const place = await temporaryFolder();
  const folder = await writeTinyCheckpoint(join(place, "model"), { architecture, head });
  const text = textEncoder(await loadTokenizer(folder), 24);
  const tasks: Record<TaskName, () => Task> = {
    classification: () => classificationTask({ labels: createLabelMap(["a", "b", "c"]), text, labelSmoothing: 0.1 }),
    regression: () => regressionTask(text),
    "masked-lm": () => maskedLmTask(text),
  };
  const plain = tasks[taskName]();
  const checkpoint = await openCheckpoint(folder);
  const { model, weights: loaded } = await loadPretrained(checkpoint, plain.head, 0);
  await checkpoint.close();
  const weights = new Map([...loaded].map(([name, values]) => [name, Float32Array.from(values)]));
  for (const [name, values] of weights) {
    if (!/norm/i.test(name)) for (const [i, value] of values.entries()) values[i] = 2 * value;
  }
  const rows = tinyRows(4, 3).map(({ sentence, reply }, i) => ({
    sentence,
    // A text without its second one is a pair with an empty one.
    reply: i % 2 === 0 ? reply : "",
    label: taskName === "regression" ? String(i % 3) : ["a", "b", "c"][i % 3],
  }));
  const file = join(place, "rows.jsonl");
  await writeFile(file, rows.map((row) => JSON.stringify(row)).join("\n"));
  const columns = taskName === "masked-lm" ? ["sentence"] : ["sentence", "reply"];
  const dataset = await plain.read(dataSource(file, { text: columns, label: ["label"] }));
  const task = (await plain.forTraining?.(dataset)) ?? plain;
  const collated = await loadBatch(task, dataset, { indices: [0, 1, 2, 3], size: 24 }, { seed: 1, step: 0 });
  const batch = model.backbone.extend?.(collated) ?? collated;
  const common = {
    model,
    loss: task.loss,
    weights,
    batch: batchType(batch),
    runtime: await cpuRuntime({ threads: 1 }),
  };
  const compile = async (
    training?: { readonly dropout: number | undefined; readonly checkpointing?: "stage" },
    stored: Weights = weights,
    arena = new Arena(),
  ) => {
    const program = await Program.compile({
      ...common,
      weights: stored,
      arena,
      ...(training === undefined ? {} : { training: { ...training, form: () => "dense" as const } }),
    });
    program.load(batch);
    return program;
  };
  return { model, weights, batch, compile };
}

/** Every parameter's whole gradient of the mean loss of one pass. */
async function gradientsOf(
  { model, weights, batch }: Awaited<ReturnType<typeof setUp>>,
  program: Program,
  key: StepKey,
) {
  const accumulator = wholeGradients(model, weights);
  await program.forward(key);
  await program.backward(accumulator.add);
  accumulator.scale(1 / batch.weight);
  return float32Sums(accumulator);
}

const key = { seed: 3, step: 7 };

describe("gradients are what the loss changes by", () => {
  const cases = tinyArchitectures.flatMap((architecture) => [
    [architecture, "classification", 0] as const,
    [architecture, "masked-lm", 0] as const,
  ]);
  test.each([...cases, ["bert", "regression", 0] as const, ["distilbert", "classification", 0.3] as const])(
    "%s, %s, dropout %d",
    async (architecture, taskName, dropout) => {
      const uniform = seededUniform(8);
      const tiny = await setUp(architecture, taskName);
      const program = await tiny.compile({ dropout });
      const gradients = await gradientsOf(tiny, program, key);
      const step = 4e-3;
      for (const { name } of tiny.model.parameters) {
        const values = tiny.weights.get(name) ?? new Float32Array();
        const gradient = gradients.get(name) ?? new Float32Array();
        const steepest = gradient.reduce(
          (best, slope, i) => (Math.abs(slope) > Math.abs(gradient[best] ?? 0) ? i : best),
          0,
        );
        const largest = Math.abs(gradient[steepest] ?? Number.NaN);
        // The softmax takes no notice of the keys' bias, so the slope there is 0.
        if (!/(key|k_lin)\.bias$/.test(name)) expect(largest, name).toBeGreaterThan(2e-3);
        for (const entry of [steepest, ...Array.from({ length: 3 }, () => Math.floor(uniform() * values.length))]) {
          const value = values[entry] as number;
          const lossAt = async (moved: number) => {
            values[entry] = moved;
            return (await program.forward(key)) / tiny.batch.weight;
          };
          const slope = ((await lossAt(value + step)) - (await lossAt(value - step))) / (2 * step);
          values[entry] = value;
          expect(Math.abs(slope - (gradient[entry] ?? Number.NaN)), `${name}[${entry}]`).toBeLessThan(
            0.02 * largest + 3e-4,
          );
        }
      }
      await program.release();
    },
  );
});

describe("dropout", () => {
  test.each(tinyArchitectures)("%s: is a function of its key, and scales what it keeps", async (architecture) => {
    const { compile } = await setUp(architecture, "classification");
    const program = await compile({ dropout: 0.4 });
    const first = await program.forward({ seed: 1, step: 1 });
    const logits = [...program.logits()];
    expect(await program.forward({ seed: 1, step: 2 })).not.toBe(first);
    expect(await program.forward({ seed: 2, step: 1 })).not.toBe(first);
    expect(await program.forward({ seed: 1, step: 1 })).toBe(first);
    expect([...program.logits()]).toEqual(logits);
    await program.release();
  });

  test.each(tinyArchitectures)("%s: is absent from evaluation, and at rate 0", async (architecture) => {
    const { compile } = await setUp(architecture, "classification");
    const [evaluation, without, model] = [
      await compile(),
      await compile({ dropout: 0 }),
      await compile({ dropout: undefined }),
    ];
    const loss = await evaluation.forward();
    expect(await evaluation.forward({ seed: 1, step: 2 })).toBe(loss);
    expect(await without.forward(key)).toBeCloseTo(loss, 6);
    // The model's own rates, told by its config.json, are above 0.
    expect(await model.forward(key)).not.toBeCloseTo(loss, 4);
    for (const program of [evaluation, without, model]) await program.release();
  });
});

describe("weights stored in bfloat16", () => {
  const cases = tinyArchitectures.flatMap((architecture) => [
    [architecture, "classification", {}] as const,
    [architecture, "masked-lm", { checkpointing: "stage" }] as const,
  ]);
  test.each(cases)(
    "%s, %s, %j: the same bits as from their float32 values",
    async (architecture, taskName, options) => {
      const tiny = await setUp(architecture, taskName);
      const halves = new Map([...tiny.weights].map(([name, values]) => [name, new Uint16Array(values.length)]));
      for (const [name, values] of tiny.weights) {
        const half = halves.get(name) ?? new Uint16Array();
        narrowToBfloat16(values, half);
        widenBfloat16(half, values);
      }
      const full = await tiny.compile({ dropout: 0.1, ...options });
      const narrow = await tiny.compile({ dropout: 0.1, ...options }, halves);
      const bothAgree = async () => {
        expect(await gradientsOf(tiny, narrow, key)).toEqual(await gradientsOf(tiny, full, key));
        expect(await narrow.forward(key)).toBe(await full.forward(key));
      };
      await bothAgree();
      // Weights that have moved since.
      for (const values of tiny.weights.values()) values[0] = 1;
      for (const half of halves.values()) half[0] = 0x3f80;
      await bothAgree();
      await full.release();
      await narrow.release();
    },
  );
});

test.each(tinyArchitectures)("%s with checkpointing needs less memory", async (architecture) => {
  const { compile, weights } = await setUp(architecture, "classification");
  const [kept, recomputed] = [new Arena(), new Arena()];
  const programs = [
    await compile({ dropout: 0.2 }, weights, kept),
    await compile({ dropout: 0.2, checkpointing: "stage" }, weights, recomputed),
  ];
  expect(recomputed.bytes).toBeGreaterThan(0);
  expect(recomputed.bytes).toBeLessThan(0.8 * kept.bytes);
  for (const program of programs) await program.release();
});

test("a batch of another size is a fault of the caller, and is named", async () => {
  const { compile, batch } = await setUp("bert", "classification");
  const program = await compile();
  const tensors = new Map([...batch.tensors, ["input_ids", int32Tensor(new Int32Array(3), [1, 3])] as const]);
  expect(() => program.load({ ...batch, tensors })).toThrow('the batch has 3 entries of "input_ids", expected 96');
  await program.release();
});
