import { describe, expect, test } from "vitest";
import { BestWeights } from "./best-weights.js";

/** What is known after evaluations with these values, from step 10 on every ten. */
function after(metric: string, values: readonly number[], patience?: number): BestWeights {
  const weights = new BestWeights(metric, patience);
  values.forEach((value, index) => {
    weights.onEvaluation({ step: 10 * (index + 1), epoch: 0, eval: { loss: 1, [metric]: value } });
  });
  return weights;
}

describe("the best weights", () => {
  test("have the highest metric, or the lowest loss or perplexity; of equals they are the earlier", () => {
    expect(after("accuracy", [0.5, 0.7, 0.7, 0.6]).soFar).toEqual({
      best: { step: 20, metric: "accuracy", value: 0.7 },
      since: 2,
    });
    expect(after("loss", [0.5, 0.7, 0.4]).soFar.best?.step).toBe(30);
    expect(after("perplexity", [5, 7, 6]).soFar.best?.step).toBe(10);
  });

  test("are none of before the first step, nor where the figure is no number", () => {
    const weights = new BestWeights("accuracy");
    weights.onEvaluation({ step: 0, epoch: 0, eval: { loss: 1, accuracy: 1 } });
    expect(weights.soFar).toEqual({ since: 0 });
    expect(after("loss", [Number.NaN, Number.POSITIVE_INFINITY]).soFar).toEqual({ best: undefined, since: 2 });
  });
});

test("a run ends after so many evaluations that were no better, and never without patience", () => {
  expect(after("loss", [1, 2, 3], 3).reasonToStop()).toBeUndefined();
  expect(after("loss", [1, 2, 3, 4], 3).reasonToStop()).toBe(
    "no better loss than 1.000 after step 10 in 3 evaluations",
  );
  expect(after("loss", [1, 2, 3, 0.5, 1], 3).reasonToStop()).toBeUndefined();
  expect(after("loss", Array(100).fill(1)).reasonToStop()).toBeUndefined();
});

test("a run that goes on knows what came before", () => {
  const { soFar } = after("accuracy", [0.9, 0.8], 2);
  const resumed = new BestWeights("accuracy", 2, soFar);
  expect(resumed.reasonToStop()).toBeUndefined();
  resumed.onEvaluation({ step: 30, epoch: 0, eval: { loss: 1, accuracy: 0.9 } });
  expect(new BestWeights("loss", 2, soFar).soFar).toEqual({ since: 0 });
  expect(resumed.reasonToStop()).toMatch(/no better accuracy than 0.9000 after step 10 in 2 evaluations/);
});
