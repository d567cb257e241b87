import { describe, expect, test } from "vitest";
import { type FinetuneInput, parseFinetuneOptions } from "../options/finetune-options.js";
import { planRun } from "./plan.js";
import { heldOutShare, settleTraining } from "./settle.js";

const needed = { model: "m", train: "t.csv", text: "text", label: "label", output: "o" };

function settle(examples: number, input: Partial<FinetuneInput> = {}) {
  const settled = settleTraining(parseFinetuneOptions({ ...needed, ...input }), { examples, hiddenSize: 768 });
  const { batchSize, epochs, steps } = settled;
  return { batchSize, epochs, steps, totalSteps: planRun(settled, examples).totalSteps };
}

describe("what is left open", () => {
  test("fits the data: large ones have three epochs of 32, small ones small batches and more epochs", () => {
    expect(settle(100_000)).toMatchObject({ batchSize: 32, epochs: 3 });
    expect(settle(5_000)).toMatchObject({ batchSize: 16, epochs: 3 });
    expect(settle(2_000)).toMatchObject({ batchSize: 8, epochs: 4 });
    expect(settle(300)).toMatchObject({ batchSize: 8, epochs: 22 });
    expect(settle(90)).toMatchObject({ batchSize: 8, epochs: 30 });
  });

  test("gives a run at least 800 steps, or 30 epochs", () => {
    for (const examples of [1, 8, 90, 299, 800, 1599, 3199, 10_000]) {
      const { totalSteps, epochs = 0 } = settle(examples);
      expect(totalSteps >= 800 || epochs === 30).toBe(true);
    }
  });

  test("counts a step's batches together", () => {
    expect(settle(10_000, { accumulate: 2 })).toMatchObject({ batchSize: 16, epochs: 3 });
  });
});

test("what was asked for stays as it is", () => {
  expect(settle(100, { epochs: 2 })).toEqual({ batchSize: 8, epochs: 2, steps: undefined, totalSteps: 26 });
  expect(settle(100, { steps: 5 })).toEqual({ batchSize: 8, epochs: undefined, steps: 5, totalSteps: 5 });
  expect(settle(100, { batchSize: 50, epochs: 1 })).toEqual({
    batchSize: 50,
    epochs: 1,
    steps: undefined,
    totalSteps: 2,
  });
});

test("small data hold out up to a fifth, so that there is something to measure by", () => {
  expect([50, 500, 700, 1_000, 50_000].map(heldOutShare)).toEqual([0.2, 0.2, 1 / 7, 0.1, 0.1]);
});
