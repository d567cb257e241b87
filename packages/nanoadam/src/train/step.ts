import type { TensorData } from "@nanoadam/engine";
import type { Optimizer } from "@nanoadam/optim";
import { DivergenceError } from "../errors.js";
import type { GradientAccumulator } from "../program/gradient-accumulator.js";
import type { DropoutKey, Program } from "../program/program.js";
import type { UndoBuffer } from "./undo.js";

/** A part of a step's batch: its tensors, the program of its shape, and its share of the step's examples. */
export interface MicroBatch {
  readonly program: Program;
  readonly tensors: ReadonlyMap<string, TensorData>;
  readonly share: number;
}

export interface StepOptions {
  readonly optimizer: Optimizer;
  readonly accumulator: GradientAccumulator;
  readonly learningRate: number;
  /** Largest l2 norm of the gradients of what is trained; longer ones are shortened to it. */
  readonly clip?: number | undefined;
  readonly dropoutKey: DropoutKey;
  /** Keeps what the step moves, once the gradients are known to be finite. */
  readonly undo?: UndoBuffer;
}

export interface StepResult {
  /** Mean loss over the step's examples. */
  readonly loss: number;
  /** Norm of the gradients before clipping. */
  readonly gradientNorm: number;
}

/**
 * One training step: selections are refreshed from the weights, every micro-batch runs forward and backward, its
 * gradients gather in packed form, and the optimizer moves the weights in place.
 *
 * @throws DivergenceError, before any weight moves, when a weight, the loss or the gradient norm is not finite.
 */
export async function trainStep(
  batches: AsyncIterable<MicroBatch> | Iterable<MicroBatch>,
  options: StepOptions,
): Promise<StepResult> {
  const { optimizer, accumulator, learningRate, clip, dropoutKey } = options;
  const where = `at step ${optimizer.completedSteps + 1} with learning rate ${learningRate.toPrecision(3)}`;
  prepare(optimizer, where);
  accumulator.begin(optimizer);
  let loss = 0;
  let pass = 0;
  for await (const { program, tensors, share } of batches) {
    program.load(tensors);
    loss += share * (await program.forward({ seed: dropoutKey.seed, step: dropoutKey.step * 4096 + pass++ }));
    if (!Number.isFinite(loss)) {
      throw new DivergenceError(
        `the loss became ${loss} ${where}; a lower \`learningRate\` or a \`clip\` of 1 usually helps`,
      );
    }
    await program.backward(share, accumulator.add);
  }
  const gradientNorm = accumulator.norm();
  if (!Number.isFinite(gradientNorm)) {
    throw new DivergenceError(
      `the gradient norm became ${gradientNorm} ${where}; a lower \`learningRate\` usually helps`,
    );
  }
  if (clip !== undefined && gradientNorm > clip) accumulator.scale(clip / gradientNorm);
  options.undo?.begin();
  optimizer.apply(accumulator.sums(), learningRate, (name) => options.undo?.keep(name, optimizer.need(name)));
  return { loss, gradientNorm };
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
