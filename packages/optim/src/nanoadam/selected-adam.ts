/**
 * Adam's update of selected entries, the loop that NanoAdam spends its step in. It takes all chunks of a tensor in one call.
 */
import type { BiasFactors, BiasFactorsByAge } from "../bias-factors.js";
import type { WeightArray } from "../types.js";
import type { Held } from "./carry-over.js";

/** The inputs of one step's update of a tensor that all its entries have in common. */
export interface SelectedAdamStep {
  /** One value per selected entry, in float32 or as the bits of bfloat16. */
  readonly gradient: WeightArray;
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  /** The correction for the moments' start at 0, where all entries share one. */
  readonly factors: BiasFactors;
  /** The correction by an entry's age, where ages differ. */
  readonly factorsByAge: BiasFactorsByAge;
  /** Steps since the selection was made, this one included; added to each entry's age. */
  readonly age: number;
}

/** Weights, moments and gradient while they are updated: those of the first chunk to update begin at `start`. */
export interface ChunksAtHand {
  readonly gradient: Float32Array;
  readonly gradientStart: number;
  readonly values: Float32Array;
  readonly valueStart: number;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  readonly momentStart: number;
}

/** Updates the selected entries of the chunks from `firstChunk` to before `endChunk`. */
export function updateSelected(
  { selection, ages }: Pick<Held, "selection" | "ages">,
  { learningRate, betas, epsilon, weightDecay, factors, factorsByAge, age }: SelectedAdamStep,
  firstChunk: number,
  endChunk: number,
  { gradient, gradientStart, values, valueStart, firstMoment, secondMoment, momentStart }: ChunksAtHand,
): void {
  const { starts, offsets, chunkSize } = selection;
  const [beta1, beta2] = betas;
  const keep = 1 - learningRate * weightDecay;
  const momentsBefore = (starts[firstChunk] as number) - momentStart;
  const slopesBefore = (starts[firstChunk] as number) - gradientStart;
  for (let chunk = firstChunk; chunk < endChunk; chunk++) {
    const chunkStart = valueStart + (chunk - firstChunk) * chunkSize;
    const end = starts[chunk + 1] as number;
    for (let position = starts[chunk] as number; position < end; position++) {
      const { first, root } = ages === undefined ? factors : factorsByAge.at((ages[position] as number) + age);
      const moment = position - momentsBefore;
      const slope = gradient[position - slopesBefore] as number;
      const m = beta1 * (firstMoment[moment] as number) + (1 - beta1) * slope;
      const v = beta2 * (secondMoment[moment] as number) + (1 - beta2) * slope * slope;
      firstMoment[moment] = m;
      secondMoment[moment] = v;
      const entry = chunkStart + (offsets[position] as number);
      const change = (learningRate * first * m) / (Math.sqrt(v) * root + epsilon);
      values[entry] = (values[entry] as number) * keep - change;
    }
  }
}
