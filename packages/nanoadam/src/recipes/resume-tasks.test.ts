/**
 * Every optimizer with every task: a run that is interrupted and goes on, against the same run without. `npm run crash` has all of these
 * pairs; otherwise each optimizer and each task is in one of them, for time.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FinetuneInput } from "../options/finetune-options.js";
import { optimizerNames } from "../options/optimizers.js";
import { type TaskName, taskNames } from "../tasks/registry.js";
import { interruptedRun, resultOf } from "../testing/resumed-run.js";
import { tinyDecoders, writeTinyDecoder } from "../testing/tiny-decoders.js";
import { tinyImagePlace, tinyResnet } from "../testing/tiny-images.js";
import { tinyInput, tinyPlace } from "../testing/tiny-run.js";
import { writeMultiLabelData, writeTaggedData } from "../testing/tiny-tasks.js";
import { finetune } from "./finetune.js";

/** Model and data of each task. */
const placesOf: Readonly<Record<TaskName, () => Promise<Partial<FinetuneInput>>>> = {
  classification: async () => ({ dropout: 0.1 }),
  regression: async () => ({ label: "score", dropout: 0.1 }),
  "multi-label": async () => {
    const { columns } = await writeMultiLabelData((await tinyPlace()).folder, "several", 32);
    return { train: columns, eval: undefined, label: ["good", "bad", "film"] };
  },
  "token-classification": async () => {
    const { jsonl, conll } = await writeTaggedData((await tinyPlace()).folder, "tagged", 32);
    return { train: jsonl, eval: conll, text: undefined, label: undefined };
  },
  "masked-lm": async () => ({ label: undefined }),
  "causal-lm": async () => {
    const model = await writeTinyDecoder(join((await tinyPlace()).folder, "decoder"), tinyDecoders.llama);
    return { model, label: undefined, maxLength: 12 };
  },
  "image-classification": async () => {
    const { model, images } = await tinyImagePlace(tinyResnet, 4);
    return { model, train: images, eval: images, text: undefined, label: undefined, augment: "crop" };
  },
};

const small = { maskInterval: 2, density: 0.5, finalDensity: 0.1, densityInterval: 3 } as const;
const ofOptimizers = { microadamWindow: 3, galoreRank: 2, galoreGap: 3 } as const;

const all = taskNames.flatMap((task) => optimizerNames.map((optimizer) => [task, optimizer] as const));
const some = Array.from({ length: Math.max(taskNames.length, optimizerNames.length) }, (_, place) => {
  const [task, optimizer] = [taskNames[place % taskNames.length], optimizerNames[place % optimizerNames.length]];
  if (task === undefined || optimizer === undefined) throw new Error("there is no task, or no optimizer");
  return [task, optimizer] as const;
});

const pairs = process.env.CRASH_EVERY === "1" ? all : some;

test.each(pairs)("%s by %s", { timeout: 300_000 }, async (task, optimizer) => {
  const options = { task, optimizer, steps: 7, evalEvery: 3, logEvery: 1, ...small, ...ofOptimizers };
  const whole = tinyInput(await tinyPlace(), { ...options, ...(await placesOf[task]()) });
  await finetune(whole);
  const cut = { ...whole, output: `${whole.output}-cut` };
  await interruptedRun(cut, [2, 5]);
  expect(await resultOf(cut.output)).toEqual(await resultOf(whole.output));
});
