import { expect, test } from "vitest";
import type { FinetuneInput } from "../options/finetune-options.js";
import type { StepRecord } from "../train/observer.js";
import { type Interruption, uninterrupted } from "./interrupt.js";
import { interruptionObserver } from "./interruption-observer.js";

/** What a first signal would let be finished, after steps at these milliseconds. */
function finishing(options: Partial<FinetuneInput>, milliseconds: readonly number[], resume?: string) {
  let finishes: string | undefined;
  const interruption: Interruption = { ...uninterrupted, finishFirst: (what) => (finishes = what) };
  let time = 0;
  const observer = interruptionObserver(interruption, options, resume, undefined, () => time);
  for (time of milliseconds) observer.onStep?.({} as StepRecord);
  return finishes;
}

test("a run that saves itself finishes its step first, and so does one of a minute or more; others end at once", () => {
  const saves = "the step is finished and the run saved, and then it ends";
  expect(finishing({}, [])).toBeUndefined();
  expect(finishing({}, [100_000, 130_000])).toBeUndefined();
  expect(finishing({}, [100_000, 130_000, 160_001])).toBe(saves);
  expect(finishing({ saveEvery: 100 }, [0])).toBe(saves);
  expect(finishing({}, [0], "reviews-model")).toBe(saves);
});

test("it says where checkpoints come and how to go on from them", () => {
  const told: string[] = [];
  const start = (options: Partial<FinetuneInput>) =>
    interruptionObserver(uninterrupted, options, undefined, (line) => told.push(line)).onStart?.({} as never);
  start({ train: "data/reviews.csv" });
  start({ train: "data/reviews.csv", saveEvery: "epoch" });
  start({ output: "my model", saveEvery: 50 });
  expect(told).toEqual([
    "saves every epoch in reviews-model/checkpoints; nanoadam finetune --resume reviews-model goes on from there",
    'saves every 50 steps in my model/checkpoints; nanoadam finetune --resume "my model" goes on from there',
  ]);
});
