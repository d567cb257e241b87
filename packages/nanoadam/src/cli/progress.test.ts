import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { formatBytes, formatCount, formatSeconds, formatShare } from "../format.js";
import type { RunStart, StepRecord } from "../train/observer.js";
import { formatEvaluation, type ProgressOptions, progressObserver } from "./progress.js";

const totalSteps = 100;

const start: RunStart = {
  source: "bert",
  architecture: "BertForSequenceClassification",
  initialised: ["classifier.weight", "classifier.bias"],
  unused: Array.from({ length: 9 }, (_, i) => `cls.${i}`),
  counts: { total: 10_000, selected: { count: 1000, share: 0.1 }, dense: { count: 50, share: 0.005 } },
  totalSteps,
  completedSteps: 0,
  stepsPerEpoch: 50,
  batchSize: 16,
  learningRate: 3e-4,
  peakMemory: 1.5e9,
  data: {
    train: 1200,
    evaluation: 30,
    tokens: { median: 12, longest: 64, limit: 64, cut: 5 },
    empty: 0,
    cutAway: 0,
    repeated: 0,
    contradictory: 0,
    shared: 0,
    notes: [],
  },
};

function stepRecord(step: number): StepRecord {
  return {
    step,
    epoch: step / 50,
    loss: 0.5,
    learningRate: 3e-4,
    density: 0.1,
    gradientNorm: 1,
    tokensPerSecond: 1234.5,
    examplesPerSecond: 32,
  };
}

/** A clock that goes on by a tenth of a second whenever it is read, so that every line is drawn. */
function clock(): () => number {
  let time = 0;
  return () => {
    time += 100;
    return time;
  };
}

interface Watched extends Pick<ProgressOptions, "label" | "verbose"> {
  readonly isTTY: boolean;
  readonly columns?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The output of a whole run. */
function watchRun({ isTTY, columns, environment = {}, ...options }: Watched): string[] {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text), isTTY, ...(columns === undefined ? {} : { columns }) };
  const progress = progressObserver({ ...options, stream, environment, now: clock() });
  progress.prepare("reading the model and the data");
  progress.onStart(start);
  progress.onEvaluation({ step: 0, epoch: 0, eval: { loss: 0.7, accuracy: 0.5 } });
  for (let step = 1; step <= totalSteps; step++) {
    progress.onStep(stepRecord(step));
    if (step === 50) progress.onEvaluation({ step, epoch: 1, eval: { loss: 0.6, accuracy: 0.75 } });
  }
  progress.onEvaluation({ step: totalSteps, epoch: 2, eval: { loss: 0.4, accuracy: 0.9 } });
  progress.end();
  return written;
}

/** What a terminal shows in the end, colours left out. */
function screenOf(written: readonly string[]): string[] {
  const screen: string[] = [""];
  for (const character of stripVTControlCharacters(written.join("").replaceAll("\u001b[2K", ""))) {
    if (character === "\r") screen[screen.length - 1] = "";
    else if (character === "\n") screen.push("");
    else screen[screen.length - 1] += character;
  }
  return screen;
}

describe.each([
  ["in a pipe", { isTTY: false }],
  ["on a build server", { isTTY: true, environment: { CI: "true" } }],
  ["on a dumb terminal", { isTTY: true, environment: { TERM: "dumb" } }],
])("%s", (_, where) => {
  const lines = watchRun(where);

  test("there are plain lines only, and twenty of steps at most", () => {
    for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]+\n$/);
    const steps = lines.filter((line) => line.startsWith("step "));
    expect(steps).toHaveLength(20);
    expect(steps[10]).toMatch(
      /^step 55\/100 {2}\d+s left {2}loss 0\.500 {2}accuracy 75 % 5 steps ago {2}rate 3\.0e-4 {2}\d/,
    );
  });

  test("the first lines tell model, fresh and unused weights, data and plan", () => {
    expect(lines.slice(0, 7)).toEqual([
      "BertForSequenceClassification from bert, 10,000 parameters\n",
      "the classifier is new: 2 tensors drawn afresh\n",
      "not used: 9 tensors of the checkpoint\n",
      "data: 1,200 rows to train on, 30 to evaluate; texts of 12 tokens in the median, 64 at most, 5 cut to 64\n",
      "100 steps of 16 rows, learning rate 0.0003; updates 1,000 selected entries (10.0 %) and 50 of whole tensors\n",
      "about 1500.0 MB of memory will be needed\n",
      "before: accuracy 0.5000  loss 0.7000\n",
    ]);
    expect(lines).toContain("after step 50: accuracy 0.7500  loss 0.6000\n");
  });
});

test("names of tensors are told where they are asked for", () => {
  const lines = watchRun({ isTTY: false, verbose: true });
  expect(lines.slice(1, 4)).toEqual([
    "the classifier is new: 2 tensors drawn afresh\n",
    "  classifier.weight\n",
    "  classifier.bias\n",
  ]);
  expect(lines).toContain("  cls.8\n");
});

test("a label goes before every line", () => {
  for (const line of watchRun({ isTTY: false, label: "AdamW" })) expect(line).toMatch(/^AdamW: /);
});

describe.each([40, 60, 80, 200])("on a terminal of %i columns", (columns) => {
  const written = watchRun({ isTTY: true, columns });
  const drawn = written.map((text) => text.split("\r").at(-1) ?? "").map(stripVTControlCharacters);

  test("every step draws the one line again, which fits and never ends", () => {
    const steps = drawn.filter((line) => /^[█░]+ {2}\d+s left {2}\d+\/100/.test(line));
    expect(steps.length).toBeGreaterThanOrEqual(totalSteps);
    for (const line of steps) expect(stringWidth(line)).toBeLessThan(columns);
  });

  test("what stays is printed in its place, in lines that fit", () => {
    const screen = screenOf(written);
    expect(screen.filter((line) => /[█░]/.test(line))).toEqual([]);
    for (const line of screen) expect(line.length).toBeLessThanOrEqual(columns);
    expect(screen.join(" ").replace(/\s+/g, " ")).toContain(
      "before: accuracy 0.5000 loss 0.7000 after step 50: accuracy 0.7500 loss 0.6000 after step 100: accuracy 0.9000",
    );
    expect(screen.at(-1)).toBe("");
  });
});

test("NO_COLOR leaves the line without colours", () => {
  const withoutErasing = (environment: Readonly<Record<string, string>>) =>
    watchRun({ isTTY: true, columns: 80, environment }).join("").replaceAll("\r\u001b[2K", "");
  expect(withoutErasing({})).toContain("\u001b[32m");
  expect(withoutErasing({ NO_COLOR: "1" })).not.toContain("\u001b");
});

test("numbers as people read them", () => {
  expect([0, 59.4, 59.6, 125, 3600, 7380].map(formatSeconds)).toEqual([
    "0s",
    "59s",
    "1m 00s",
    "2m 05s",
    "1h 00m",
    "2h 03m",
  ]);
  expect([999, 1_234_567].map(formatCount)).toEqual(["999", "1,234,567"]);
  expect([999_000, 12_345_678].map(formatBytes)).toEqual(["999 kB", "12.3 MB"]);
  expect([0.1234, 1].map(formatShare)).toEqual(["12.3 %", "100.0 %"]);
  expect(formatEvaluation({ loss: 0.43125, accuracy: 0.8, f1: 0.75 })).toBe("accuracy 0.8000  f1 0.7500  loss 0.4313");
});
