/** Whole runs: what repeats, and how a run ends that cannot go on. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DivergenceError } from "../errors.js";
import { evaluate } from "../recipes/evaluate.js";
import { finetune } from "../recipes/finetune.js";
import type { RunSummary } from "../recipes/summary.js";
import { expectRefusal } from "../testing/refusal.js";
import { floatsOf } from "../testing/tensors.js";
import { tinyRows } from "../testing/tiny-data.js";
import { type TinyRun, tinyInput, tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";

/** What was recorded, without what a clock decides. */
const withoutTimes = ({ steps, evaluations }: TinyRun) => ({
  steps: steps.map((step) => ({ ...step, tokensPerSecond: undefined, examplesPerSecond: undefined })),
  evaluations,
});

test("the same seed gives the same bytes and the same metrics; another seed does not", async () => {
  const place = await tinyPlace();
  const run = (seed: number) => tinyRun({ seed, steps: 10, logEvery: 1, eval: undefined }, place);
  const [first, second, other] = [await run(5), await run(5), await run(6)];
  const bytesOf = ({ folder }: TinyRun) => readFile(join(folder, "model.safetensors"));
  expect((await bytesOf(first)).equals(await bytesOf(second))).toBe(true);
  expect(withoutTimes(first)).toEqual(withoutTimes(second));
  expect((await bytesOf(first)).equals(await bytesOf(other))).toBe(false);
  expect(withoutTimes(first)).not.toEqual(withoutTimes(other));
});

test.each([{}, { optimizer: "adamw" }, { loraRank: 4 }] as const)(
  "%j: without clipping tensors move inside the backward pass, and the run is the same, byte for byte",
  async (options) => {
    const place = await tinyPlace();
    const run = (clip: number) => tinyRun({ ...options, clip, steps: 6, logEvery: 1 }, place);
    const [unclipped, neverClipped] = [await run(0), await run(1e30)];
    expect(withoutTimes(unclipped)).toEqual(withoutTimes(neverClipped));
    const file = "loraRank" in options ? "adapter_model.safetensors" : "model.safetensors";
    const bytesOf = ({ folder }: TinyRun) => readFile(join(folder, file));
    expect((await bytesOf(unclipped)).equals(await bytesOf(neverClipped))).toBe(true);
  },
);

describe("a run that diverges", () => {
  async function divergence(promise: Promise<unknown>): Promise<string> {
    const error: unknown = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DivergenceError);
    return String((error as Error).message);
  }

  test("at its first step, where no rate has done anything yet, is refused as what it is", async () => {
    const train = tinyRows(16).map((row) => ({ ...row, score: "1e30" }));
    const place = await tinyPlace({}, { train });
    const output = join(place.folder, "nothing");
    await expectRefusal(
      tinyRun({ output, task: "regression", label: "score" }, place),
      `${place.model}: the loss is Infinity at the first step, before any weight moved: weights, or labels, are too large`,
      "nothing was trained",
    );
    expect(await readdir(place.folder)).not.toContain("nothing");
  });

  test.each([
    ["nanoadam", 1e30, 20, 0],
    ["adamw", 1e30, 20, 0],
    // Weights themselves become infinite in the first step.
    ["nanoadam", 3e38, 20, 1e6],
    ["adamw", 3e38, 20, 1e6],
    // There is no later step to notice.
    ["nanoadam", 1e30, 1, 0],
    ["adamw", 3e38, 1, 1e6],
  ] as const)(
    "%s at a learning rate of %d for %d steps leaves the last good weights",
    async (optimizer, learningRate, steps, weightDecay) => {
      const place = await tinyPlace();
      const output = join(place.folder, "diverged");
      const message = await divergence(
        tinyRun({ output, optimizer, learningRate, steps, weightDecay, clip: 0 }, place),
      );
      expect(message).toMatch(/ at step [12] /);
      expect(message).toMatch(/learning rate \d/);
      expect(message).toContain(output);
      expect(message.split("\n")).toHaveLength(1);
      const summary = JSON.parse(await readFile(join(output, "summary.json"), "utf8")) as RunSummary;
      expect(summary.stopped?.step).toBeLessThanOrEqual(2);
      expect(summary.evaluation.final.loss).toEqual(expect.any(Number));
      for (const [name, tensor] of await weightsOf(output))
        expect(floatsOf(tensor).every(Number.isFinite), name).toBe(true);
      const report = await evaluate({
        model: output,
        data: place.evaluation,
        text: "sentence",
        label: "label",
        threads: 1,
      });
      expect(report.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 6);
    },
  );
});

test("an interrupted run writes nothing", async () => {
  const place = await tinyPlace();
  const controller = new AbortController();
  const input = tinyInput(place, { epochs: 3, eval: undefined });
  const run = finetune(input, {
    signal: controller.signal,
    observers: [{ onStep: () => controller.abort() }],
  });
  await expect(run).rejects.toThrow(/interrupted after 1 of \d+ steps; nothing was written/);
  expect((await readdir(place.folder)).sort()).toEqual(["eval.tsv", "model", "train.tsv"]);
});
