import { expect, test } from "vitest";
import { floatsOf } from "../testing/tensors.js";
import { tinyRows } from "../testing/tiny-data.js";
import { tinyPlace, tinyRun, weightsOf } from "../testing/tiny-run.js";

test("two batches of four whose gradients are accumulated make the same step as one of eight", async () => {
  // Eight examples are one step of either kind, whatever their order.
  const place = await tinyPlace({}, { train: tinyRows(8) });
  const options = { steps: 3, dropout: 0, density: 1, finalDensity: 1, clip: 0, learningRate: 1e-3 };
  const whole = await tinyRun({ ...options, batchSize: 8 }, place);
  const halves = await tinyRun({ ...options, batchSize: 4, accumulate: 2 }, place);
  expect(halves.summary.stepsPerEpoch).toBe(1);
  const expected = await weightsOf(whole.folder);
  for (const [name, tensor] of await weightsOf(halves.folder)) {
    const [found, wanted] = [floatsOf(tensor), floatsOf(expected.get(name) ?? tensor)];
    // The bias of the keys cancels in the softmax: its gradient is rounding alone, which Adam blows up.
    if (name.endsWith("key.bias")) continue;
    const furthest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
    expect(furthest, name).toBeLessThan(1e-4);
  }
});
