import { expect, test } from "vitest";
import { FastestRun } from "./fastest-run.js";

test("the fastest run counts, and is confirmed by another that took as long within 2 %", async () => {
  let now = 0;
  const durations = [100, 50, 200, 52, 51];
  const run = new FastestRun(
    () => {
      now += durations.shift() ?? 0;
    },
    () => now,
  );
  const seen: [milliseconds: number, isConfirmed: boolean][] = [];
  while (durations.length > 0) {
    await run.time();
    seen.push([run.milliseconds, run.isConfirmed]);
  }
  expect(seen).toEqual([
    [100, false],
    [50, false],
    [50, false],
    [50, false],
    [50, true],
  ]);
});
