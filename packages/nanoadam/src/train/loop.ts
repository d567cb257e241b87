/** The steps of a run, with evaluations between. */
import { learningRateAt, type Optimizer, warmupSteps } from "@nanoadam/optim";
import { AbortError, DivergenceError } from "../errors.js";
import type { TrainingOptions } from "../options/training-options.js";
import type { GradientAccumulator } from "../program/gradient-accumulator.js";
import type { ProgramCache } from "../program/program-cache.js";
import type { Loader } from "./loader.js";
import { type EvaluationFigures, observeAll, type RunPosition, type TrainingObserver } from "./observer.js";
import type { Plan } from "./plan.js";
import { trainStep } from "./step.js";

/** The part of an `AbortSignal` that is used: not every program's types know that. */
export interface StopSignal {
  readonly aborted: boolean;
  readonly reason?: unknown;
}

export interface LoopOptions extends Pick<TrainingOptions, "schedule" | "warmup" | "clip" | "seed"> {
  /** The highest of the schedule. */
  readonly learningRate: number;
  readonly plan: Plan;
  readonly loader: Loader;
  readonly programs: ProgramCache;
  readonly optimizer: Optimizer;
  readonly accumulator: GradientAccumulator;
  readonly observers: readonly TrainingObserver[];
  /** Once aborted, the run ends before its next step. */
  readonly signal: StopSignal | undefined;
  /** What was done before, of a run that goes on. */
  readonly before?: RunPosition | undefined;
  /** What is measured between steps. */
  evaluate(): Promise<EvaluationFigures>;
}

/** Why a run ended before its last step. */
export interface Stopped {
  readonly step: number;
  readonly reason: string;
}

export interface LoopResult {
  readonly stepMilliseconds: readonly number[];
  /** Set where a step diverged; the weights are those that it began with, but for what observers were told that moves. */
  readonly stopped: Stopped | undefined;
  /** Set where an observer ended the run; why. */
  readonly endedEarly: string | undefined;
}

/**
 * All steps of a run, or those that are left of it. Ends early when a step diverges, or an observer has a reason.
 * @throws AbortError once the signal is aborted.
 */
export async function runSteps(options: LoopOptions): Promise<LoopResult> {
  const { plan, loader, programs, optimizer, accumulator, signal } = options;
  const observer = observeAll(options.observers);
  const schedule = {
    schedule: options.schedule,
    learningRate: options.learningRate,
    totalSteps: plan.totalSteps,
    warmupSteps: warmupSteps(options.warmup, plan.totalSteps),
  };
  const stepMilliseconds = [...(options.before?.stepMilliseconds ?? [])];
  for (let step = options.before?.step ?? 0; step < plan.totalSteps; step++) {
    const endedEarly = observer.reasonToStop();
    if (endedEarly !== undefined) return { stepMilliseconds, stopped: undefined, endedEarly };
    if (signal?.aborted === true) {
      const done = (await observer.onCancel({ step, stepMilliseconds })) ?? "nothing was written";
      throw new AbortError(`interrupted after ${step} of ${plan.totalSteps} steps; ${done}`, signal.reason);
    }
    const started = performance.now();
    const learningRate = learningRateAt(step, schedule);
    const { batches, count, tokens, examples } = loader.of(step);
    const number = step + 1;
    try {
      const { loss, gradientNorm } = await trainStep(batches, {
        programs,
        optimizer,
        accumulator,
        learningRate,
        clip: options.clip === 0 ? undefined : options.clip,
        key: { seed: options.seed, step },
        isOneBatch: count === 1,
        onUpdate: (name) => observer.onUpdate(number, name, optimizer.need(name)),
      });
      const milliseconds = performance.now() - started;
      stepMilliseconds.push(milliseconds);
      const density = optimizer.density();
      observer.onStep({
        step: number,
        epoch: number / plan.stepsPerEpoch,
        loss,
        learningRate,
        ...(density === undefined ? {} : { density }),
        gradientNorm,
        tokensPerSecond: (tokens / milliseconds) * 1000,
        examplesPerSecond: (examples / milliseconds) * 1000,
      });
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      return { stepMilliseconds, stopped: { step: number, reason: error.message }, endedEarly: undefined };
    }
    const isLast = number === plan.totalSteps;
    if (isLast ? plan.evaluatesLast : number % plan.evaluateEvery === 0) {
      observer.onEvaluation({ step: number, epoch: number / plan.stepsPerEpoch, ...(await options.evaluate()) });
    }
    await observer.betweenSteps({ step: number, stepMilliseconds });
  }
  return { stepMilliseconds, stopped: undefined, endedEarly: undefined };
}
