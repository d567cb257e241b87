/** Whole runs that write their best weights, and that end when none come that are better. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { tinyInput, tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";
import type { TrainingObserver } from "../train/observer.js";
import { finetune } from "./finetune.js";

const steady = { clip: 0, dropout: 0, schedule: "constant", evalEvery: 2 } as const;
/** A rate that spoils the weights soon. */
const spoiling = { ...steady, optimizer: "adamw", learningRate: 0.1, steps: 12 } as const;

describe("the best weights", () => {
  test("are the result, and it says which they are", async () => {
    const place = await tinyPlace();
    const { summary, folder, evaluations } = await tinyRun(
      { ...spoiling, bestBy: "loss", saveEvery: 2, keep: 1 },
      place,
    );
    const measured = evaluations.filter(({ step }) => step > 0).slice(0, -1);
    expect(measured.map(({ step }) => step)).toEqual([2, 4, 6, 8, 10, 12]);
    const lowest = measured.toSorted((a, b) => a.eval.loss - b.eval.loss)[0];
    expect(lowest?.step).toBeLessThan(12);
    expect(summary.best).toEqual({ step: lowest?.step, metric: "loss", value: lowest?.eval.loss });
    expect(summary.evaluation.final.loss).toBe(lowest?.eval.loss);
    expect(summary.steps).toBe(12);
    const best = await weightsOf(`${folder}/checkpoints/step-${lowest?.step}`);
    expect(await weightsOf(folder)).toEqual(best);
    expect((await readdir(`${folder}/checkpoints`)).sort()).toEqual([`step-12`, `step-${lowest?.step}`].sort());
  });

  test("are the last ones where those are the best", async () => {
    const place = await tinyPlace();
    const options = { ...steady, learningRate: 1e-2, steps: 6 };
    const { summary, folder } = await tinyRun({ ...options, bestBy: "loss" }, place);
    const plain = await tinyRun(options, place);
    expect(summary.best?.step).toBe(6);
    expect(await weightsOf(folder)).toEqual(await weightsOf(plain.folder));
    expect(plain.summary.best).toBeUndefined();
  });

  test("that could not be saved are the result if they are the last, and else the last are, which is told", async () => {
    const place = await tinyPlace();
    for (const [options, isLast] of [
      [{ ...steady, learningRate: 1e-2, steps: 6 }, true],
      [spoiling, false],
    ] as const) {
      const { folder: earlier } = await tinyRun({ ...options, seed: 3, saveEvery: 1, keep: 20 }, place);
      const told: string[] = [];
      const checkpoints = `${earlier}/checkpoints`;
      const input = tinyInput(place, { ...options, bestBy: "loss", output: earlier, overwrite: true });
      const putBack = () => {
        rmSync(checkpoints);
        renameSync(`${earlier}-kept`, checkpoints);
      };
      const observer: TrainingObserver = {
        onNotice: (notice) => told.push(notice),
        // A file is where the folder of the checkpoints was; of the other run it is back before the best weights are looked for.
        onEvaluation({ step }) {
          if (step > 0 || !existsSync(`${checkpoints}/step-1`)) return;
          renameSync(checkpoints, `${earlier}-kept`);
          writeFileSync(checkpoints, "");
        },
        betweenSteps: ({ step }) => (step === options.steps && !isLast ? putBack() : undefined),
        onSave: () => (isLast ? putBack() : undefined),
      };
      const { best, evaluation } = await finetune(input, { observers: [observer] });
      const plain = await tinyRun(options, place);
      expect(await weightsOf(earlier)).toEqual(await weightsOf(plain.folder));
      expect(evaluation.final).toEqual(plain.summary.evaluation.final);
      expect(best?.step).toBe(isLast ? 6 : undefined);
      expect(told.join("\n")).toMatch(/^no checkpoint after step 2: /m);
      expect(
        /^the best weights, of step \d+, could not be saved: the last are the result$/m.test(told.join("\n")),
      ).toBe(!isLast);
    }
  });

  test("of a run that diverges are better than its last good ones", async () => {
    const place = await tinyPlace();
    const input = tinyInput(place, {
      ...spoiling,
      learningRate: 1e20,
      warmup: 4,
      optimizer: "sgd",
      bestBy: "loss",
      evalEvery: 1,
    });
    await expect(finetune(input)).rejects.toThrow(/The best weights are in/);
  });

  test("are chosen by a metric that there is", async () => {
    const input = tinyInput(await tinyPlace(), { bestBy: "acuracy" });
    await expectRefusal(
      finetune(input),
      "`bestBy` is acuracy",
      "accuracy, f1, matthews, loss",
      "did you mean accuracy?",
    );
  });
});

test("a run ends when there was nothing better for a while", async () => {
  const { summary, evaluations } = await tinyRun({ ...spoiling, steps: 40, patience: 2 });
  const best = summary.best?.step ?? 0;
  expect(summary.best?.metric).toBe("loss");
  expect(summary.steps).toBe(best + 4);
  expect(summary.endedEarly).toMatch(/^no better loss than [\d.]+ after step \d+ in 2 evaluations$/);
  expect(evaluations.at(-1)?.step).toBe(best);
});
