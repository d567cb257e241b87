/** Whole runs of decoders: trained, written, opened again. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Arena } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { describe, expect, test } from "vitest";
import { sharedDataFolder, sharedDataIsPresent } from "../../../../testing/fixtures.js";
import { openCheckpoint } from "../checkpoint/checkpoint.js";
import { loadPretrained } from "../checkpoint/pretrained.js";
import { ProgramCache } from "../program/program-cache.js";
import { likeliestTokens } from "../testing/likeliest-tokens.js";
import { nextToken, tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { evaluate } from "./evaluate.js";
import { predict } from "./predict.js";

const configOf = async (folder: string) =>
  JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as Record<string, unknown>;

const names = ["llama", "qwen2 with windows", "gemma3", "opt with narrow embeddings"] as const;

describe.each(names)("%s", (name) => {
  const config = tinyDecoders[name];
  test("goes on with text, and its folder gives what was evaluated", async () => {
    const place = await tinyPlace();
    const model = await writeTinyDecoder(join(place.folder, "decoder"), config);
    const { summary, folder, evaluations } = await tinyRun(
      { task: "causal-lm", label: undefined, learningRate: 1e-2, steps: 20, dropout: 0, maxLength: 12 },
      { ...place, model },
    );
    expect(summary.evaluation.final.loss).toBeLessThan(0.95 * (evaluations[0]?.eval.loss ?? 0));
    expect(summary.evaluation.final.perplexity).toBeCloseTo(Math.exp(summary.evaluation.final.loss), 8);
    const report = await evaluate({
      model: folder,
      data: place.evaluation,
      text: "sentence",
      threads: 1,
      maxLength: 12,
    });
    expect(report.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
    expect((await configOf(folder)).architectures).toEqual((await configOf(model)).architectures);
    expect([...(await weightsOf(folder)).keys()].sort()).toEqual([...(await weightsOf(model)).keys()].sort());
  });

  test("learns classes of texts by their last tokens", async () => {
    const place = await tinyPlace();
    const model = await writeTinyDecoder(join(place.folder, "decoder"), config);
    const { summary, folder } = await tinyRun({ learningRate: 1e-2, dropout: 0, maxLength: 12 }, { ...place, model });
    const options = { model: folder, text: "sentence", label: "label", threads: 1, maxLength: 12 };
    const report = await evaluate({ ...options, data: place.evaluation, batchSize: 5 });
    expect(report.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
    const [prediction] = await predict({ model: folder, text: "good film", threads: 1 });
    expect(prediction).toMatchObject({ label: expect.stringMatching(/^(good|bad)$/) });
    const { architectures, pad_token_id } = await configOf(folder);
    expect(architectures).toEqual([expect.stringMatching(/ForSequenceClassification$/)]);
    // Without it transformers refuses batches of several texts.
    expect(pad_token_id).toBe(2);
  });
});

test("an adapter on a decoder is PEFT's CAUSAL_LM, and opens again", async () => {
  const place = await tinyPlace();
  const model = await writeTinyDecoder(join(place.folder, "decoder"), tinyDecoders.llama);
  const { summary, folder } = await tinyRun(
    { task: "causal-lm", label: undefined, learningRate: 1e-2, loraRank: 2 },
    { ...place, model },
  );
  const adapter = JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8"));
  expect(adapter).toMatchObject({
    task_type: "CAUSAL_LM",
    target_modules: ["q_proj", "v_proj"],
    modules_to_save: null,
  });
  const report = await evaluate({ model: folder, data: place.evaluation, text: "sentence", threads: 1 });
  expect(report.evaluation.loss).toBeCloseTo(summary.evaluation.final.loss, 5);
});

test.skipIf(!sharedDataIsPresent)("stories260K tells its story (needs shared/data)", async () => {
  const checkpoint = await openCheckpoint(join(sharedDataFolder, "models", "stories260K"));
  const { model, weights } = await loadPretrained(checkpoint, nextToken, 0).finally(() => checkpoint.close());
  const programs = new ProgramCache({ model, weights, runtime: await cpuRuntime({ threads: 1 }), arena: new Arena() });
  const start = { width: 1, ids: [1], mask: [1] };
  expect([...(await likeliestTokens(programs, start, 19))]).toEqual([
    1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267,
  ]);
  await programs.release();
});
