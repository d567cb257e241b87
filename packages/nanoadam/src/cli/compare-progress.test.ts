import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { compareProgress } from "./compare-progress.js";

/** What is drawn of a run in a window, an hour having gone by when it is half done. */
function drawn(columns: number, jobs = 1): string[] {
  const written: string[] = [];
  let time = 0;
  const stream = { write: (text: string) => written.push(text), isTTY: true, columns };
  const progress = compareProgress({ stream, environment: {}, now: () => time });
  const planned = { ended: 2, planned: 12 };
  for (let seed = 0; seed < jobs; seed++) {
    progress.onProgress({ run: { optimizer: "nanoadam", learningRate: 1e-3, seed }, report: undefined, ...planned });
  }
  for (let step = 1; step <= 10; step++) {
    time += 360_000;
    const run = { optimizer: "nanoadam", learningRate: 1e-3, seed: 0 };
    progress.onProgress({ run, report: { step, totalSteps: 20, loss: 0.5 }, ...planned });
  }
  progress.end();
  return written.map((text) => stripVTControlCharacters(text.split("\r").at(-1) ?? "").replace("[2K", ""));
}

test("the run in progress is told, with the time that all of them need", () => {
  const lines = drawn(100).filter((line) => line !== "");
  expect(lines[0]).toBe("░░░░░░░░░░  run 3 of 12  nanoadam 1e-3 seed 0  starting");
  expect(lines.at(-1)).toMatch(
    /^█{5}░{5} {2}19h 00m left {2}run 3 of 12 {2}nanoadam 1e-3 seed 0 {2}step 10\/20 {2}loss 0\.500 {2}▁+$/,
  );
});

test("of several at a time one is told, and how many others there are", () => {
  expect(drawn(120, 3).at(-2)).toContain("run 3 of 12  and 2 more  nanoadam 1e-3 seed 0");
});

describe.each([20, 40, 80])("in a window of %i columns", (columns) => {
  test("the line fits", () => {
    for (const line of drawn(columns, 2)) expect(stringWidth(line)).toBeLessThan(columns);
  });
});
