/** What a line of the table of optimizers says, and what a run gives an optimizer to be made of. */
import type { Optimizer, Parameter, WeightArray } from "@nanoadam/optim";
import type { z } from "zod";
import type { ParameterRole } from "../models/parameters.js";

/** Options that all optimizers take. */
export interface CommonOptimizerOptions {
  readonly weightDecay: number;
  readonly keepZeros: boolean;
}

/** A tensor to train, its values in place, with what decides how it is updated. */
export interface TrainedParameter extends Parameter<WeightArray> {
  readonly role: ParameterRole;
  /** Whether the checkpoint lacked it, so that its values were just drawn. */
  readonly isFresh: boolean;
}

/**
 * Whether zeros of a tensor are what a network was pruned of: those of matrices, convolutions and tables that the checkpoint has.
 * What is drawn may begin at 0, as half of an adapter does, and a bias may be 0 by itself.
 */
export function isPruned({ shape, role, isFresh }: Pick<TrainedParameter, "shape" | "role" | "isFresh">): boolean {
  return shape.length >= 2 && role !== "adapter" && !isFresh;
}

/** How long a run is. */
export interface RunLength {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
}

/** What an optimizer is made for. */
export interface OptimizerContext {
  readonly parameters: readonly TrainedParameter[];
  readonly length: RunLength;
  /** Of what an optimizer chooses at random. */
  readonly seed: number;
}

/** An optimizer as options, help, runs and comparisons know it. */
export interface OptimizerEntry<Shape extends z.ZodRawShape> {
  /** In a few words, for `--help`. */
  readonly summary: string;
  /** Its own options, by names that no other option has. */
  readonly options: Shape;
  /** For a model as wide as BERT-base, 768. */
  readonly defaultLearningRate: number;
  /** Whether narrower models take larger learning rates, as where steps are of a size that gradients do not change. */
  readonly followsWidth: boolean;
  /** Learning rates that a comparison tries when no others are asked for, ascending. */
  readonly comparedAt: readonly number[];
  /** Those that it tries for adapters, where they are others. */
  readonly adaptersComparedAt?: readonly number[];
  /** Whether linear layers and embeddings may be held in bfloat16, which what is updated whole cannot be. */
  readonly mayHoldBfloat16: boolean;
  create(options: OptionsOf<Shape> & CommonOptimizerOptions, context: OptimizerContext): Optimizer;
  /**
   * How its states called `second_moment`, where it has them, make the size of a step: their decay, what is added to their root, and
   * whether they are corrected by the number of steps. Undefined where that differs from entry to entry.
   */
  secondMoments?(
    options: OptionsOf<Shape>,
  ): { readonly beta2: number; readonly epsilon: number; readonly isCorrected: boolean } | undefined;
  /** The options that were left to the run's length, as they came out. */
  settled?(options: OptionsOf<Shape>, length: RunLength): Readonly<Record<string, unknown>>;
}

/** An optimizer's own options, checked; where it has none, it takes any. */
type OptionsOf<Shape extends z.ZodRawShape> = keyof Shape extends never ? unknown : z.output<z.ZodObject<Shape>>;

/** A line of the table, checked. */
export function optimizerEntry<Shape extends z.ZodRawShape>(entry: OptimizerEntry<Shape>): OptimizerEntry<Shape> {
  return entry;
}
