import type { Optimizer } from "@nanoadam/optim";
import type { Batch } from "../data/batch.js";
import { DivergenceError } from "../errors.js";
import type { GradientAccumulator } from "../program/gradient-accumulator.js";
import type { ProgramCache } from "../program/program-cache.js";
import type { StepKey } from "../random-streams.js";

export interface StepOptions {
  readonly programs: ProgramCache;
  readonly optimizer: Optimizer;
  readonly accumulator: GradientAccumulator;
  readonly learningRate: number;
  /** Largest l2 norm of the gradients of what is trained; longer ones are shortened to it. */
  readonly clip?: number | undefined;
  readonly key: StepKey;
  /**
   * Whether there is one batch only. Without clipping each tensor then moves inside the backward pass, as soon as its gradient is
   * complete, and gradients are never held all at once. The result is the same to the bit.
   */
  readonly isOneBatch?: boolean;
  /** Called just before a tensor moves, once its gradient is known to be finite. */
  readonly onUpdate?: (name: string) => void;
}

export interface StepResult {
  /** Mean loss over what the step learned from: examples, class weights or tokens. */
  readonly loss: number;
  /** Norm of the mean loss's gradient before clipping. */
  readonly gradientNorm: number;
}

/** More batches than any step has: each batch of each step draws its dropout from a key of its own. */
const mostBatches = 4096;

/**
 * One training step: selections are refreshed from the weights, every batch runs forward and backward, its gradients gather
 * in packed form, and the optimizer moves the weights in place. Losses and gradients are sums until the end and are divided
 * once by the batches' summed weight, so any cut of the examples into batches makes the same step.
 *
 * @throws DivergenceError when a weight, the loss or the gradient norm is not finite: before any weight moves, unless tensors move
 *   inside the backward pass; then those that `onUpdate` was told of may have moved.
 */
export async function trainStep(
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  { programs, optimizer, accumulator, learningRate, clip, key, isOneBatch = false, onUpdate }: StepOptions,
): Promise<StepResult> {
  const where = `at step ${optimizer.completedSteps + 1} with learning rate ${learningRate.toPrecision(3)}`;
  /** Before a step has moved anything, no rate is at fault. */
  const diverged = (what: string, value: number, advice: string) =>
    new DivergenceError(
      optimizer.completedSteps === 0
        ? `the ${what} is ${value} at the first step, before any weight moved: weights, or labels, are too large for float32`
        : `the ${what} became ${value} ${where}; ${advice}`,
    );
  const requireFinite = (gradientNorm: number) => {
    if (!Number.isFinite(gradientNorm)) {
      throw diverged("gradient norm", gradientNorm, "a lower `learningRate` usually helps");
    }
  };
  const movesAtOnce = isOneBatch && clip === undefined;
  const move = (name: string) =>
    accumulator.handOut(name, (gradient, norm) => {
      requireFinite(norm);
      optimizer.update(name, gradient, learningRate, onUpdate);
    });
  prepare(optimizer, where);
  accumulator.begin(optimizer);
  let [lossSum, weight, pass] = [0, 0, 0];
  // Gradients are of the loss over the first batch's weight: where a step has one batch, they need no scaling at the end.
  let unit: number | undefined;
  for await (const batch of batches) {
    if (isOneBatch && pass > 0) throw new Error("the step has a second batch, where one was said to be all");
    weight += batch.weight;
    unit ??= positive(batch.weight);
    const factor = 1 / unit;
    await programs.use(batch, async (program) => {
      lossSum += await program.forward({ seed: key.seed, step: key.step * mostBatches + pass++ });
      if (!Number.isFinite(lossSum)) {
        throw diverged("loss", lossSum, "a lower `learningRate` or a `clip` of 1 usually helps");
      }
      await program.backward((gradients, complete) => {
        accumulator.add(gradients);
        if (movesAtOnce) complete.forEach(move);
      }, factor);
    });
  }
  const share = (unit ?? 1) / positive(weight);
  const loss = lossSum / positive(weight);
  if (movesAtOnce) {
    // What the batch has no gradient of moves too: by its decay, or its momentum.
    accumulator.names().forEach(move);
    optimizer.complete();
    return { loss, gradientNorm: accumulator.norm() };
  }
  const gradientNorm = accumulator.norm() * share;
  requireFinite(gradientNorm);
  const clipping = clip !== undefined && gradientNorm > clip ? clip / gradientNorm : 1;
  if (clipping * share !== 1) accumulator.scale(clipping * share);
  optimizer.apply(accumulator.sums(), learningRate, onUpdate);
  return { loss, gradientNorm };
}

/** A weight to divide by: without anything to learn from, sums are 0 and stay it. */
function positive(weight: number): number {
  return weight === 0 ? 1 : weight;
}

/** Selecting by magnitude is where weights that a step has made infinite show. */
function prepare(optimizer: Optimizer, where: string): void {
  try {
    optimizer.prepare();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new DivergenceError(`the weights became infinite ${where} (${error.message}); lower \`learningRate\``);
  }
}
