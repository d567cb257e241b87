import { expect, test } from "vitest";
import { Pace } from "./pace.js";
import { SmoothedLoss } from "./smoothed-loss.js";

test("the first step, in which the engine compiles, does not slow the pace of the others", () => {
  let time = 0;
  const pace = new Pace(() => time);
  const step = (milliseconds: number) => {
    time += milliseconds;
    pace.step();
    return pace.stepsPerSecond();
  };
  expect(step(10_000)).toBeCloseTo(0.1);
  expect(step(500)).toBeCloseTo(2);
  expect(step(500)).toBeCloseTo(2);
  expect(step(2_000)).toBeCloseTo(1);
});

test("the smoothed loss begins at the first loss and follows slowly", () => {
  const loss = new SmoothedLoss();
  expect(loss.add(2)).toBeCloseTo(2);
  expect(loss.add(1)).toBeCloseTo((0.9 * 2 + 1) / 1.9);
  for (let step = 0; step < 200; step++) loss.add(1);
  expect(loss.history.at(-1)).toBeCloseTo(1);
  expect(loss.history).toHaveLength(202);
});
