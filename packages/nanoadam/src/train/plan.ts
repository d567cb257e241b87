import type { SettledTraining } from "./settle.js";

/** How many steps a run has, and after how many of them things happen. */
export interface Plan {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly evaluateEvery: number;
  readonly logEvery: number;
}

/** Steps of a run over so many examples; the optimizer derives its intervals from them (docs/method.md, section 3). */
export function planRun(options: SettledTraining, examples: number): Plan {
  const batches = Math.ceil(examples / options.batchSize);
  const stepsPerEpoch = Math.ceil(batches / options.accumulate);
  const totalSteps = options.steps ?? Math.max(1, Math.round((options.epochs ?? 1) * stepsPerEpoch));
  return {
    stepsPerEpoch,
    totalSteps,
    evaluateEvery: options.evalEvery ?? Math.max(stepsPerEpoch, Math.round(totalSteps / mostEvaluations)),
    logEvery: options.logEvery ?? Math.max(1, Math.round(totalSteps / 100)),
  };
}

/** Of many short epochs, not every one ends with an evaluation. */
const mostEvaluations = 10;
