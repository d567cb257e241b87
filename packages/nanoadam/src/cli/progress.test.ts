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
  stepsPerEpoch: 50,
  trainExamples: 1200,
  evaluationExamples: 30,
  maxLength: 64,
  truncated: 5,
  learningRate: 3e-4,
  data: {
    train: 1200,
    evaluation: 30,
    tokens: { median: 12, longest: 64, limit: 64, cut: 5 },
    empty: 0,
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
  };
}

/** The output of a whole run. */
function watchRun(
  options: Omit<ProgressOptions, "stream"> & { readonly isTTY: boolean; readonly columns?: number },
): string[] {
  const written: string[] = [];
  const { isTTY, columns, ...rest } = options;
  const stream = { write: (text: string) => written.push(text), isTTY, ...(columns === undefined ? {} : { columns }) };
  const observer = progressObserver({ ...rest, stream });
  observer.onStart(start);
  observer.onEvaluation({ step: 0, epoch: 0, eval: { loss: 0.7, accuracy: 0.5 } });
  for (let step = 1; step <= totalSteps; step++) {
    observer.onStep(stepRecord(step));
    if (step === 50) observer.onEvaluation({ step, epoch: 1, eval: { loss: 0.6, accuracy: 0.75 } });
  }
  observer.onEvaluation({ step: totalSteps, epoch: 2, eval: { loss: 0.4, accuracy: 0.9 } });
  return written;
}

describe("without a terminal", () => {
  const lines = watchRun({ isTTY: false });

  test("there are plain lines only, and twenty of steps at most", () => {
    for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]+\n$/);
    const steps = lines.filter((line) => line.startsWith("step "));
    expect(steps).toHaveLength(20);
    expect(steps.at(-1)).toMatch(
      /^step 100\/100 {2}epoch 2\.00 {2}loss 0\.5000 {2}accuracy 0\.7500 {2}density 10\.0 %/,
    );
  });

  test("the first lines tell model, fresh and unused weights, data and plan", () => {
    expect(lines.slice(0, 6)).toEqual([
      "BertForSequenceClassification from bert, 10,000 parameters\n",
      "freshly initialised: classifier.weight, classifier.bias\n",
      "not used: cls.0, cls.1, cls.2, cls.3, cls.4, cls.5 and 3 more\n",
      "1,200 training and 30 evaluation examples of at most 64 tokens (5 were cut)\n",
      "100 steps, learning rate 0.0003; updates 1,000 selected entries (10.0 %) and 50 of whole tensors\n",
      "before: accuracy 0.5000  loss 0.7000\n",
    ]);
    expect(lines).toContain("after step 50: accuracy 0.7500  loss 0.6000\n");
  });

  test("a label goes before every line", () => {
    for (const line of watchRun({ isTTY: false, label: "AdamW" })) expect(line).toMatch(/^AdamW: /);
  });
});

describe("on a terminal", () => {
  const written = watchRun({ isTTY: true, columns: 60 });
  const clear = "\r\u001b[K";

  test("every step rewrites one line, which fits the width and never ends", () => {
    const steps = written.filter((text) => text.startsWith(`${clear}step `));
    expect(steps).toHaveLength(totalSteps);
    for (const step of steps) {
      expect(step).not.toContain("\n");
      expect(step.length - clear.length).toBeLessThan(60);
    }
  });

  test("what stays is written in place of that line", () => {
    const screen: string[] = [""];
    for (const character of written.join("").replaceAll(clear, "\r")) {
      if (character === "\r") screen[screen.length - 1] = "";
      else if (character === "\n") screen.push("");
      else screen[screen.length - 1] += character;
    }
    expect(screen.filter((line) => line.startsWith("step "))).toEqual([]);
    expect(screen.slice(-4)).toEqual([
      "before: accuracy 0.5000  loss 0.7000",
      "after step 50: accuracy 0.7500  loss 0.6000",
      "after step 100: accuracy 0.9000  loss 0.4000",
      "",
    ]);
  });
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
