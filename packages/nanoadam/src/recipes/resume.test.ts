/** Runs that were interrupted and went on, against the same runs without; resume-tasks.test.ts has every task. */
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openModelFolder } from "../checkpoint/adapter.js";
import { AbortError } from "../errors.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { expectRefusal } from "../testing/refusal.js";
import { interruptedRun, resultOf } from "../testing/resumed-run.js";
import { tinyRows } from "../testing/tiny-data.js";
import { type TinyPlace, tinyInput, tinyPlace } from "../testing/tiny-run.js";
import { finetune } from "./finetune.js";
import { resumeFinetuning } from "./resume.js";

/** Two runs of the same options, the second one interrupted: both results. */
async function both(place: TinyPlace, options: Partial<FinetuneInput>, steps: readonly number[]) {
  const whole = tinyInput(place, { steps: 8, evalEvery: 3, logEvery: 1, ...options });
  await finetune(whole);
  const cut = tinyInput(place, { ...whole, output: `${whole.output}-cut` });
  await interruptedRun(cut, steps);
  return { whole: await resultOf(whole.output), cut: await resultOf(cut.output), output: cut.output };
}

describe("a run that is interrupted twice and goes on gives the same files to the bit", () => {
  test.each<[string, Partial<FinetuneInput>]>([
    ["nanoadam", {}],
    ["nanoadam, selections that shrink", { density: 0.5, finalDensity: 0.1, maskInterval: 2, densityInterval: 3 }],
    ["nanoadam, ages by entry", { biasCorrection: "entry", maskInterval: 2 }],
    ["nanoadam, states reset", { stateOnRefresh: "reset", biasCorrection: "entry", maskInterval: 3 }],
    ["nanoadam, states in bfloat16", { stateDtype: "bfloat16", maskInterval: 2 }],
    ["nanoadam, weights in bfloat16", { weights: "bfloat16", maskInterval: 2 }],
    ["nanoadam, by gradient", { criterion: "gradient", maskInterval: 2 }],
    ["nanoadam, at random", { criterion: "random", maskInterval: 2 }],
    ["nanoadam, shares by gradient", { shareBy: "gradient", criterion: "small-in-row", maskInterval: 2 }],
    ["nanoadam, entries that warm up", { entryWarmup: 3, enteringMoment: "mean", maskInterval: 2 }],
    ["nanoadam, static mask", { staticMask: true }],
    ["adamw", { optimizer: "adamw", weightDecay: 0.1 }],
    ["adamw8bit", { optimizer: "adamw8bit" }],
    ["microadam", { optimizer: "microadam", microadamWindow: 3 }],
    ["galore", { optimizer: "galore", galoreRank: 2, galoreGap: 3 }],
    ["sgd", { optimizer: "sgd" }],
    ["nanosgd", { optimizer: "nanosgd", maskInterval: 2 }],
    ["nanolion", { optimizer: "nanolion", maskInterval: 2 }],
    ["nanolion, weights in bfloat16", { optimizer: "nanolion", weights: "bfloat16", maskInterval: 2 }],
    ["lora", { loraRank: 2, loraDropout: 0.1 }],
    ["lora with adamw", { loraRank: 2, optimizer: "adamw" }],
    [
      "lora of all layers, scaled and with lengths apart",
      { loraRank: 2, loraTargets: "all-linear", useRslora: true, useDora: true },
    ],
    ["no clipping", { clip: 0 }],
    ["no clipping, weights in bfloat16", { clip: 0, weights: "bfloat16", maskInterval: 2 }],
    ["batches at random", { sampling: "random" }],
    ["balanced classes and smoothed labels", { classWeights: "balanced", labelSmoothing: 0.1 }],
    ["an end by patience", { patience: 6, bestBy: "loss", evalEvery: 1, learningRate: 1 }],
    ["checkpointing and accumulation", { checkpointing: "stage", accumulate: 2, batchSize: 4 }],
    ["several epochs, warm-up and cosine", { epochs: 2, steps: undefined, warmup: 0.3, schedule: "cosine" }],
    ["weights stored as float16", { saveDtype: "float16" }],
    ["the best weights", { bestBy: "loss", evalEvery: 2 }],
    ["rate chosen by trials", { learningRate: "auto" }],
  ])("%s", async (_, options) => {
    const place = await tinyPlace();
    const { whole, cut } = await both(place, options, [2, 5]);
    expect(cut).toEqual(whole);
  });

  test("checkpoints stored in bfloat16, with dropout", async () => {
    const { whole, cut } = await both(await tinyPlace({ dtype: "BF16" }), { dropout: 0.2 }, [1, 6]);
    expect(cut).toEqual(whole);
  });

  test("rows of a program, given again", async () => {
    const train = tinyRows(40).map((row) => ({ ...row }));
    const { whole, cut } = await both(await tinyPlace(), { train, eval: undefined }, [4]);
    expect(cut).toEqual(whole);
  });
});

/** A run that saved itself after some steps and was interrupted, and the place that it is in. */
async function savedRun(options: Partial<FinetuneInput> = {}, after = 5) {
  const place = await tinyPlace();
  const input = tinyInput(place, { steps: 8, saveEvery: 2, ...options });
  const controller = new AbortController();
  const observer = { onStep: ({ step }: { step: number }) => step === after && controller.abort() };
  const control = { observers: [{ onStep: (record: never) => void observer.onStep(record) }] };
  const failed = await finetune(input, { ...control, signal: controller.signal }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(AbortError);
  return { place, input, message: (failed as Error).message };
}

const checkpointsOf = async (output: string) => (await readdir(join(output, "checkpoints"))).sort();

describe("checkpoints", () => {
  test("are in the output folder, the last ones, and are models that open", async () => {
    const { input, message } = await savedRun();
    expect(message).toBe(`interrupted after 5 of 8 steps; all is saved, and \`resume\` ${input.output} goes on`);
    expect(await checkpointsOf(input.output)).toEqual(["step-4", "step-5"]);
    const checkpoint = await openModelFolder(join(input.output, "checkpoints/step-5"));
    expect(checkpoint.entries.size).toBeGreaterThan(10);
    await checkpoint.close();
  });

  test("stay with the result; those that nobody asked for go", async () => {
    const { input } = await savedRun({ keep: 1 });
    await resumeFinetuning(input.output);
    expect(await checkpointsOf(input.output)).toEqual(["step-8"]);
    const place = await tinyPlace();
    const best = tinyInput(place, { steps: 6, evalEvery: 2, bestBy: "loss" });
    await finetune(best);
    expect(await readdir(best.output)).not.toContain("checkpoints");
  });

  test("an earlier model stays until the new one is whole, and earlier checkpoints until there is a new one", async () => {
    const { input } = await savedRun();
    await resumeFinetuning(input.output);
    const model = await readFile(join(input.output, "model.safetensors"));
    const { place } = await savedRun();
    await rm(place.folder, { recursive: true });
    const controller = new AbortController();
    const anew = { ...input, seed: 7, overwrite: true, saveEvery: 3 };
    const seen: string[][] = [];
    const observer = {
      betweenSteps: async ({ step }: { step: number }) => {
        seen.push(await checkpointsOf(input.output));
        if (step === 4) controller.abort();
      },
    };
    await expect(finetune(anew, { observers: [observer], signal: controller.signal })).rejects.toThrow(AbortError);
    expect(seen).toEqual([["step-6", "step-8"], ["step-6", "step-8"], ["step-6", "step-8"], ["step-3"]]);
    expect(await readFile(join(input.output, "model.safetensors"))).toEqual(model);
    const summary = await resumeFinetuning(input.output);
    expect(summary.seed).toBe(7);
    expect(await readFile(join(input.output, "model.safetensors"))).not.toEqual(model);
    expect(await checkpointsOf(input.output)).toEqual(["step-4", "step-6"]);
  });

  test("a run may go on from an earlier one of them, and later ones give way", async () => {
    const { input } = await savedRun();
    await resumeFinetuning(join(input.output, "checkpoints/step-4"));
    const whole = { ...input, output: `${input.output}-whole` };
    await finetune(whole);
    expect(await resultOf(input.output)).toEqual(await resultOf(whole.output));
  });

  test("of the last step give the result too; a run that is done is told, and goes on when it is to be longer", async () => {
    const { input } = await savedRun();
    await resumeFinetuning(input.output);
    const result = await resultOf(input.output);
    await expectRefusal(
      resumeFinetuning(input.output),
      `${input.output} has the result of this run already, after step 8`,
    );
    for (const name of Object.keys(result)) await rm(join(input.output, name));
    await resumeFinetuning(join(input.output, "checkpoints/step-8"));
    expect(await resultOf(input.output)).toEqual(result);
    const { steps } = await resumeFinetuning(input.output, { allowChanged: true, changes: { steps: 11 } });
    expect(steps).toBe(11);
  });

  test("can be moved: another folder, another machine", async () => {
    const { input } = await savedRun();
    const moved = `${input.output}-moved`;
    await cp(input.output, moved, { recursive: true });
    await resumeFinetuning(moved);
    await resumeFinetuning(input.output);
    expect(await resultOf(moved)).toEqual(await resultOf(input.output));
  });
});

describe("what is no longer as it was", () => {
  test("is said and refused: options, with what they were and are", async () => {
    const { input } = await savedRun();
    await expectRefusal(
      resumeFinetuning(input.output, { changes: { learningRate: 1, batchSize: 4, logEvery: 3 } }),
      "`learningRate` was 0.005 and is 1; `batchSize` was 8 and is 4",
      "`allowChanged` goes on",
    );
    const elsewhere = resumeFinetuning(input.output, { changes: { output: "elsewhere" } });
    await expectRefusal(elsewhere, "`output` is elsewhere, but `resume` goes on in", input.output);
  });

  test("data and model: which file, and how it differs", async () => {
    const { input, place } = await savedRun();
    const rows = await readFile(place.train, "utf8");
    const row = "it was good\tit was good\tgood\t1\n";
    await writeFile(place.train, `${rows}${row}`);
    const sizes = `size ${rows.length} then, ${rows.length + row.length} now`;
    await expectRefusal(resumeFinetuning(input.output), `\`train\` has other content (${sizes}`);
    await writeFile(join(place.model, "config.json"), `${await readFile(join(place.model, "config.json"), "utf8")}\n`);
    await expectRefusal(resumeFinetuning(input.output), "config.json of `model` has other content");
    const { steps } = await resumeFinetuning(input.output, { allowChanged: true, changes: { steps: 9 } });
    expect(steps).toBe(9);
  });

  test("another optimizer has no use for the state", async () => {
    const { input } = await savedRun();
    const changed = { allowChanged: true, changes: { optimizer: "adamw" } as const };
    await expectRefusal(resumeFinetuning(input.output, changed), "the saved state of the optimizer is none of adamw");
  });

  test("a folder without checkpoints, and one that is damaged, are named", async () => {
    const { input, place } = await savedRun();
    await expectRefusal(resumeFinetuning(place.folder), `${place.folder} has no checkpoints`, "`saveEvery`");
    const state = join(input.output, "checkpoints/step-5/training-state.json");
    await writeFile(state, "{}");
    await expectRefusal(resumeFinetuning(input.output), state);
    await expectRefusal(openModelFolder(input.output), "the run that writes it is not done", "checkpoints/step-5");
    await expectRefusal(finetune(input), "has the checkpoints of a run that is not done", "`resume`");
  });
});
