import { describe, expect, test } from "vitest";
import { floatsOf } from "../testing/tensors.js";
import { type TinyRun, tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";

describe("gradients that are sampled or taken from whole products", () => {
  const densities = { density: 0.2, finalDensity: 0.2, maskInterval: 2, dropout: 0, learningRate: 1e-3 };

  test.each([
    ["classification", {}],
    ["masked-lm", { task: "masked-lm", label: undefined }],
  ] as const)("%s: are the same weights but for rounding", async (_, options) => {
    const place = await tinyPlace({ head: "masked-lm" });
    const folders = [];
    for (const sampledBelow of [0, 1]) {
      const { folder, summary } = await tinyRun({ ...densities, ...options, sampledBelow }, place);
      expect(summary.sampledBelow).toBe(sampledBelow);
      folders.push(folder);
    }
    const [whole, sampled] = await Promise.all(folders.map(weightsOf));
    for (const [name, tensor] of whole ?? []) {
      // The bias of the keys cancels in the softmax: its gradient is rounding alone, which Adam blows up.
      if (name.endsWith("key.bias")) continue;
      const [wanted, found] = [floatsOf(tensor), floatsOf(sampled?.get(name) ?? tensor)];
      const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const furthest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
      expect(furthest / largest, name).toBeLessThan(1e-5);
    }
    expect(sampled).not.toEqual(whole);
  });

  test("are computed alone from when the density has fallen below the bound, and until then whole", async () => {
    const place = await tinyPlace();
    const falling = { ...densities, density: 0.6, finalDensity: 0.1, steps: 8, densityInterval: 2, logEvery: 1 };
    const run = (sampledBelow: number) => tinyRun({ ...falling, sampledBelow }, place);
    const [never, late, always] = [await run(0), await run(0.3), await run(1)];
    const isBelow = late.steps.map(({ density = 1 }) => density <= 0.3);
    const fallen = isBelow.indexOf(true);
    expect(fallen).toBeGreaterThan(1);
    expect(isBelow.slice(fallen)).not.toContain(false);
    /** What a step computes, but for the bits that it leaves in the weights: its loss and the norm of its gradients. */
    const computed = ({ steps }: TinyRun) => steps.map(({ loss, gradientNorm }) => ({ loss, gradientNorm }));
    expect(computed(late).slice(0, fallen)).toEqual(computed(never).slice(0, fallen));
    // The step that samples first has the same weights and the same loss yet, and a sum of its own for the gradients.
    expect(late.steps[fallen]?.loss).toBe(never.steps[fallen]?.loss);
    expect(late.steps[fallen]?.gradientNorm).not.toBe(never.steps[fallen]?.gradientNorm);
    expect(computed(always)[0]).not.toEqual(computed(never)[0]);
    const weights = await Promise.all([never, late, always].map(({ folder }) => weightsOf(folder)));
    expect(weights[1]).not.toEqual(weights[0]);
    expect(weights[1]).not.toEqual(weights[2]);
  });
});
