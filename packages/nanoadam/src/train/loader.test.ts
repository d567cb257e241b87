import { describe, expect, test } from "vitest";
import type { FinetuneInput } from "../options/finetune-options.js";
import { floatsOf } from "../testing/tensors.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";

/** The class weights are unequal in every cut of these rows: their labels are 3 to 1, and the texts differ in length. */
const unbalanced = (count: number) =>
  tinyRows(count).map((row, i) => ({ ...row, label: i % 4 === 0 ? ("bad" as const) : ("good" as const) }));

describe("batches whose gradients are accumulated make the same step as one large batch", () => {
  test.each<[string, number, Partial<FinetuneInput>]>([
    ["plain", 8, {}],
    ["an uneven last batch", 7, {}],
    ["class weights", 8, { classWeights: "balanced" }],
    ["class weights and an uneven last batch", 7, { classWeights: "balanced" }],
    ["label smoothing", 7, { labelSmoothing: 0.2 }],
    ["label smoothing with class weights", 7, { labelSmoothing: 0.2, classWeights: "balanced" }],
    ["masked tokens", 8, { task: "masked-lm", label: undefined }],
    ["masked tokens and an uneven last batch", 7, { task: "masked-lm", label: undefined }],
  ])("%s", async (_, rows, options) => {
    // All examples are one step of either kind, whatever their order.
    const head = options.task === "masked-lm" ? "masked-lm" : undefined;
    const place = await tinyPlace(head === undefined ? {} : { head }, { train: unbalanced(rows) });
    const common = { steps: 3, dropout: 0, optimizer: "sgd", momentum: 0, clip: 0, learningRate: 0.1 } as const;
    const whole = await tinyRun({ ...common, ...options, batchSize: 8, logEvery: 1 }, place);
    const parts = await tinyRun({ ...common, ...options, batchSize: 4, accumulate: 2, logEvery: 1 }, place);
    expect(parts.summary.stepsPerEpoch).toBe(1);
    for (const [step, { loss, gradientNorm }] of parts.steps.entries()) {
      expect(loss).toBeCloseTo(whole.steps[step]?.loss ?? Number.NaN, 5);
      expect(gradientNorm).toBeCloseTo(whole.steps[step]?.gradientNorm ?? Number.NaN, 4);
    }
    const expected = await weightsOf(whole.folder);
    for (const [name, tensor] of await weightsOf(parts.folder)) {
      const [found, wanted] = [floatsOf(tensor), floatsOf(expected.get(name) ?? tensor)];
      const furthest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
      expect(furthest, name).toBeLessThan(1e-6);
    }
  });
});
