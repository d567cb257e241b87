import { expect, test } from "vitest";
import { runHistory } from "./run-history.js";

test("a history has evaluations whole, and losses as means over at most about fifty parts of the run", () => {
  const { add, history } = runHistory();
  add({ step: 0, totalSteps: 200 });
  for (let step = 1; step <= 200; step++) {
    add({ step, totalSteps: 200, loss: step });
    if (step % 100 === 0) add({ step, totalSteps: 200, evaluation: { loss: 1, accuracy: 0.5 } });
  }
  expect(history.losses).toHaveLength(50);
  expect(history.losses[0]).toEqual({ step: 4, loss: 2.5 });
  expect(history.losses.at(-1)).toEqual({ step: 200, loss: 198.5 });
  expect(history.evaluations.map(({ step }) => step)).toEqual([100, 200]);
});

test("a short run keeps each of its losses", () => {
  const { add, history } = runHistory();
  for (let step = 1; step <= 3; step++) add({ step, totalSteps: 3, loss: step });
  expect(history.losses).toEqual([1, 2, 3].map((step) => ({ step, loss: step })));
});
