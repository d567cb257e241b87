/** Runs that are looked at: they go as without, what is seen is what a direct computation gives, and it outlives an interruption. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Arena, sizeOf } from "@nanoadam/engine";
import { cpuRuntime } from "@nanoadam/engine/node";
import { selectSmallest } from "@nanoadam/optim";
import { describe, expect, test } from "vitest";
import type { Analysis, ProbeRecord } from "../analysis/analysis.js";
import { histogramOf } from "../analysis/joint-histogram.js";
import { countEntries } from "../analysis/magnitude-kernel.js";
import type { Relation } from "../analysis/relation.js";
import { wholeGradientShares } from "../analysis/whole-relation.js";
import { AbortError } from "../errors.js";
import { type FinetuneInput, parseFinetuneOptions } from "../options/finetune-options.js";
import { ProgramCache } from "../program/program-cache.js";
import { directRelation, expectClose } from "../testing/direct-measures.js";
import { membership } from "../testing/random-entries.js";
import { expectRefusal } from "../testing/refusal.js";
import { interruptedRun, resultOf } from "../testing/resumed-run.js";
import { readTensors } from "../testing/tensors.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyImagePlace, tinyResnet } from "../testing/tiny-images.js";
import { tinyInput, tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import { float32Sums, wholeGradients } from "../testing/whole-gradients.js";
import { createLoader } from "../train/loader.js";
import { prepareRun } from "../train/prepare.js";
import { settleTraining } from "../train/settle.js";
import { analyze } from "./analyze.js";
import { finetune } from "./finetune.js";
import { stepsToLookAt } from "./microscope.js";
import { resumeFinetuning } from "./resume.js";

const analysisOf = async (folder: string) =>
  JSON.parse(await readFile(join(folder, "analysis.json"), "utf8")) as Analysis;

/** Of a model, or of an adapter. */
async function trainedTensors(folder: string) {
  const file = (await readdir(folder)).find((name) => name.endsWith("model.safetensors"));
  return readTensors(join(folder, file ?? ""));
}

/** A run's weights before its first step, and the gradients of the batch that it begins with. */
async function startOf(input: FinetuneInput) {
  const options = parseFinetuneOptions(input);
  const run = await prepareRun(options);
  const { model, weights } = run.pretrained;
  const settled = settleTraining(options, { examples: run.train.length, hiddenSize: 16 });
  const loader = createLoader(
    run.trainingTask,
    run.train,
    { stepsPerEpoch: 1, totalSteps: 1 },
    { ...settled, maximumSize: 40 },
  );
  const accumulator = wholeGradients(model, weights);
  const programs = new ProgramCache({
    ...{ model, weights, loss: run.trainingTask.loss, arena: new Arena(), runtime: await cpuRuntime({ threads: 1 }) },
    training: { dropout: settled.dropout, form: () => "dense" },
  });
  for await (const batch of loader.of(0).batches) {
    await programs.use(batch, async (program) => {
      await program.forward({ seed: settled.seed, step: 0 });
      await program.backward(accumulator.add, 1 / batch.weight);
    });
  }
  await programs.release();
  await run.checkpoint.close();
  const sums = float32Sums(accumulator);
  return model.parameters.map(({ name, role, shape }) => {
    const values = weights.get(name);
    const gradient = sums.get(name);
    if (!(values instanceof Float32Array) || gradient === undefined) throw new Error(`${name} is not there`);
    const entries = { weights: values, gradient, selection: selectSmallest(values, { density: 0.1 }) };
    return { name, isInWhole: shape.length > 1 && role !== "head", ...entries };
  });
}

function expectRelation(found: Relation | undefined, expected: Relation): void {
  for (const key of Object.keys(expected) as (keyof Relation)[]) expectClose(found?.[key], expected[key]);
}

test("before the first step tensors, layers and the whole have the figures of a direct computation", async () => {
  const place = await tinyPlace();
  const input = tinyInput(place, { analyze: true, at: "0", steps: 2, dropout: 0.1 });
  const { folder } = await tinyRun(input, place);
  const [probe] = (await analysisOf(folder)).probes;
  const tensors = await startOf(input);
  expect(probe?.tensors.map(({ name }) => name)).toEqual(tensors.map(({ name }) => name));
  for (const [index, tensor] of tensors.entries()) {
    expectRelation(probe?.tensors[index], directRelation([tensor]));
    const { cells } = countEntries(tensor.weights, tensor.gradient);
    expect(probe?.tensors[index]?.histogram).toEqual(histogramOf(cells));
  }
  for (const layer of probe?.layers ?? []) {
    const members = tensors.filter(({ name, weights }) => {
      const of = probe?.tensors.find((each) => each.name === name);
      return of?.layer === layer.name && of.shape.length > 1 && weights.length > 0;
    });
    expectRelation(layer, directRelation(members));
  }
  expect(probe?.layers.map(({ name }) => name)).toEqual([
    "bert.embeddings",
    "bert.encoder.layer.0",
    "bert.encoder.layer.1",
    "classifier",
  ]);
  const whole = tensors.filter(({ isInWhole }) => isInWhole);
  const { ratio: _, ...expected } = directRelation(whole, wholeGradientShares);
  for (const key of Object.keys(expected) as (keyof typeof expected)[]) expectClose(probe?.whole?.[key], expected[key]);
  expectClose(
    probe?.gradientNorm,
    Math.sqrt(tensors.reduce((sum, { gradient }) => sum + gradient.reduce((s, g) => s + g * g, 0), 0)),
  );
});

test("at the end, groups, shift and share are those between the checkpoint and the result", async () => {
  const place = await tinyPlace({ head: { labels: 2 } });
  const { folder, summary } = await tinyRun({ analyze: true, optimizer: "adamw" }, place);
  const [before, after] = [await weightsOf(place.model), await weightsOf(folder)];
  const analysis = await analysisOf(folder);
  const last = analysis.probes.at(-1);
  expect(last?.step).toBe(4);
  let compared = 0;
  for (const { name, change, shape } of last?.tensors ?? []) {
    const [was, is] = [before.get(name), after.get(name)].map(
      (tensor) => new Float32Array(tensor?.bytes.slice().buffer ?? []),
    );
    if (was === undefined || is === undefined || was.length !== sizeOf(shape)) continue;
    compared++;
    const moved = Array.from(was, (value, i) => Math.abs((is[i] ?? Number.NaN) - value));
    expectClose(change.shift, Math.hypot(...moved));
    expectClose(change.changed, moved.filter((each) => each !== 0).length / moved.length);
    const small = membership(was, Math.ceil(0.3 * was.length - 1e-9), "smallest");
    const sum = small.reduce((total, each) => total + each, 0);
    expectClose(change.smallest, moved.reduce((total, each, i) => total + each * (small[i] ?? 0), 0) / sum);
  }
  expect(compared).toBe(last?.tensors.length);
  expectClose(analysis.changed.at(-1)?.share, summary.parameters.everChanged.share);
  expect(analysis.changed.map(({ step }) => step)).toEqual([0, 2, 4]);
});

describe("the run is to the bit the one that nobody looks at", () => {
  test.each<[string, Partial<FinetuneInput>]>([
    ["nanoadam", { dropout: 0.2, maskInterval: 2 }],
    ["adamw from scratch", { optimizer: "adamw", fromScratch: true }],
    ["an adapter", { loraRank: 2, loraDropout: 0.1 }],
    [
      "weights in bfloat16, accumulated, checkpointing",
      { weights: "bfloat16", accumulate: 2, batchSize: 4, checkpointing: "stage" },
    ],
    ["by gradient", { criterion: "gradient" }],
  ])("%s", async (_, options) => {
    const place = await tinyPlace();
    const [plain, seen] = [await tinyRun(options, place), await tinyRun({ ...options, analyze: true }, place)];
    expect(await trainedTensors(seen.folder)).toEqual(await trainedTensors(plain.folder));
    expect(seen.summary.evaluation).toEqual(plain.summary.evaluation);
    const { probes } = await analysisOf(seen.folder);
    expect(probes.map(({ step }) => step)).toEqual([0, 2, 4]);
    // What was drawn began as it was drawn, and has moved since.
    expect(probes[0]?.whole?.change.shift).toBe(0);
    expect(probes[2]?.whole?.change.shift).toBeGreaterThan(0);
  });

  test("with running statistics of batches", async () => {
    const { folder, model, images } = await tinyImagePlace(tinyResnet);
    const input = { model, train: images, steps: 4, batchSize: 8, threads: 1, learningRate: 1e-3 };
    const results = [false, true].map(async (isSeen) => {
      const output = join(folder, `seen-${isSeen}`);
      await finetune({ ...input, output, analyze: isSeen });
      return weightsOf(output);
    });
    const [plain, seen] = [await results[0], await results[1]];
    expect(seen).toEqual(plain);
  });
});

test("a decoder's tied table counts once, with the embeddings", async () => {
  const place = await tinyPlace();
  const model = await writeTinyDecoder(join(place.folder, "decoder"), tinyDecoders.qwen3);
  const { folder } = await tinyRun({ task: "causal-lm", label: undefined, maxLength: 12, analyze: true, model }, place);
  const [probe] = (await analysisOf(folder)).probes;
  expect(probe?.tensors.filter(({ shape }) => shape[0] === 300).map(({ layer }) => layer)).toEqual([
    "model.embed_tokens",
  ]);
});

/** But for times. */
const untimed = ({ probes, ...rest }: Analysis) => ({
  ...rest,
  probes: probes.map(({ seconds: _, ...probe }: ProbeRecord) => probe),
});

test("a run that was interrupted and went on has seen the same", async () => {
  const place = await tinyPlace();
  const options = { steps: 8, analyze: true, at: [0, "25%", 5, "100%"], logEvery: 1, maskInterval: 2 } as const;
  const whole = tinyInput(place, options);
  await tinyRun(whole, place);
  const cut = tinyInput(place, options);
  await interruptedRun(cut, [3, 5]);
  expect(untimed(await analysisOf(cut.output))).toEqual(untimed(await analysisOf(whole.output)));
  const weights = async (folder: string) => (await resultOf(folder))["model.safetensors"];
  expect(await weights(cut.output)).toEqual(await weights(whole.output));
});

test("a run that ends early is looked at where it ends", async () => {
  const { folder, summary } = await tinyRun({
    analyze: true,
    at: "100%",
    steps: 20,
    evalEvery: 1,
    patience: 1,
    learningRate: 1e-9,
  });
  expect(summary.endedEarly).toBeDefined();
  expect((await analysisOf(folder)).probes.map(({ step }) => step)).toEqual([summary.steps]);
});

test("where the numbers are no longer finite nothing is measured, which is told, and the run goes its way", async () => {
  const place = await tinyPlace();
  const notices: string[] = [];
  const input = tinyInput(place, { analyze: true, optimizer: "sgd", learningRate: 1e30, clip: 0, at: "0,1" });
  await expect(finetune(input, { observers: [{ onNotice: (notice) => notices.push(notice) }] })).rejects.toThrow(
    /became/,
  );
  expect(notices.filter((notice) => notice.startsWith("nothing was measured after step 1"))).toHaveLength(1);
});

test("analyze writes figures and a page, and no model", async () => {
  const place = await tinyPlace();
  const { output, ...input } = tinyInput(place, { steps: 4 });
  const { analysis, summary } = await analyze({ ...input, output });
  expect((await readdir(output)).sort()).toEqual(["analysis.html", "analysis.json", "metrics.jsonl", "summary.json"]);
  const { folder } = await tinyRun({ analyze: true }, place);
  expect(untimed(analysis)).toEqual(untimed(await analysisOf(folder)));
  expect(summary.steps).toBe(4);
});

describe("where to look", () => {
  test("percentages are rounded, and steps taken as they are", () => {
    expect([...stepsToLookAt(["0", "10%", "50%", "100%", "7"], 15)]).toEqual([0, 2, 8, 15, 7]);
  });

  test.each<[Partial<FinetuneInput>, string[]]>([
    [{ analyze: true, at: "500" }, ["500", "4 steps"]],
    [{ analyze: true, at: "0,half" }, ["half", "parts of the run"]],
    [{ analyze: true, at: "101%" }, ["101%"]],
    [{ at: "0" }, ["needs `analyze`"]],
  ])("%o is refused", async (options, says) => {
    await expectRefusal(tinyRun(options), "`at`", ...says);
  });

  test("what was seen before an interruption must be whole", async () => {
    const place = await tinyPlace();
    const input = tinyInput(place, { steps: 6, analyze: true, saveEvery: 2 });
    const signal = { aborted: false };
    const observer = { onCheckpoint: () => Object.assign(signal, { aborted: true }) };
    await expect(finetune(input, { observers: [observer], signal })).rejects.toThrow(AbortError);
    await writeFile(join(input.output, "checkpoints/step-2/analysis.json"), "{}");
    await expectRefusal(resumeFinetuning(input.output), "analysis.json", "damaged");
  });
});
