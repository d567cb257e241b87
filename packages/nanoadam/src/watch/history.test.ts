import fc from "fast-check";
import { expect, test } from "vitest";
import { expectRefusal } from "../testing/refusal.js";
import { curvesOf } from "./curves.js";
import { readHistory } from "./history.js";

test("a log is read up to its last whole line, lines of other kinds passed over", () => {
  const step = { step: 1, epoch: 0.5, loss: 2 };
  const evaluation = { step: 1, epoch: 0.5, eval: { loss: 1 } };
  const start = { totalSteps: 2 };
  const lines = [{ start }, step, { checkpoint: 1 }, evaluation].map((line) => JSON.stringify(line));
  const history = { start, steps: [step], evaluations: [evaluation] };
  expect(readHistory(`${lines.join("\n")}\n{"step": 2, "lo`, "log")).toEqual(history);
});

test("whatever else a log has is refused with the line, or read without an error", async () => {
  await expectRefusal(() => readHistory("{}\n[]\n", "m.jsonl"), "m.jsonl, line 2");
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.constantFrom("step", "loss", "eval", "start"), fc.jsonValue())),
      (records) => {
        const text = records.map((record) => `${JSON.stringify(record)}\n`).join("");
        expect(curvesOf(readHistory(text, "log"))).toBeInstanceOf(Array);
      },
    ),
  );
});

test("curves have at most 400 points, of which each is the mean of a stretch", () => {
  const steps = Array.from({ length: 1000 }, (_, i) => `${JSON.stringify({ step: i + 1, loss: (i % 2) * 2 })}\n`);
  const [loss] = curvesOf(readHistory(steps.join(""), "log"));
  const points = loss?.series[0]?.points ?? [];
  expect(points.length).toBe(400);
  expect(points.at(-1)?.x).toBe(1000);
  for (const { y } of points) expect(y).toBeGreaterThan(0);
});
