/** The work of a training step: the arithmetic of its matrix products, and the rate at which this machine does such work. */
import { boundProduct } from "./bound-product.js";
import type { StepShape } from "./model-folder.js";

/** Multiplications and additions of a step of a BERT encoder whose weights' gradients are wanted at `density` of their entries. */
export function stepOperations({ layers, hidden, batch, length }: StepShape, density: number): number {
  const tokens = batch * length;
  const weights = 12 * hidden * hidden;
  const forwardAndInputs = 2 * 2 * tokens * weights;
  const weightGradients = 2 * tokens * weights * density;
  // Scores and mixed values: two products forward, four backward.
  const attention = 6 * 2 * tokens * length * hidden;
  const pooler = 3 * 2 * batch * hidden * hidden;
  return layers * (forwardAndInputs + weightGradients + attention) + pooler;
}

/** Operations per second of the feed-forward layer's product: the best of many. */
export async function peakRate({ hidden, batch, length }: StepShape, threads: number): Promise<number> {
  const sides = { tokens: batch * length, inputs: hidden, outputs: 4 * hidden };
  const { run, release } = await boundProduct(
    [
      [sides.tokens, sides.inputs],
      [sides.outputs, sides.inputs],
    ],
    { transposeB: true },
    threads,
  );
  let fastest = Number.POSITIVE_INFINITY;
  for (let repetition = 0; repetition < 40; repetition++) {
    const started = performance.now();
    await run();
    fastest = Math.min(fastest, performance.now() - started);
  }
  await release();
  return (2 * sides.tokens * sides.inputs * sides.outputs) / (fastest / 1000);
}
