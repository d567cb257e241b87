import { bestMetric, type SavingOptions } from "../options/saving-options.js";
import type { SettledTraining } from "./settle.js";

/** How many steps a run has, and after how many of them things happen. */
export interface Plan {
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly evaluateEvery: number;
  /** Whether the weights after the last step are measured as those between are, because the best of all are wanted. */
  readonly evaluatesLast: boolean;
  /** Steps between checkpoints; none of them unless asked for. */
  readonly saveEvery: number | undefined;
  readonly logEvery: number;
}

/** Steps of a run over so many examples; the optimizer derives its intervals from them (docs/method.md, section 3). */
export function planRun(
  options: SettledTraining,
  examples: number,
  saving: Pick<SavingOptions, "saveEvery" | "bestBy" | "patience"> = {},
): Plan {
  const batches = Math.ceil(examples / options.batchSize);
  const stepsPerEpoch = Math.ceil(batches / options.accumulate);
  const totalSteps = options.steps ?? Math.max(1, Math.round((options.epochs ?? 1) * stepsPerEpoch));
  const inSteps = (every: number | "epoch" | undefined) => (every === "epoch" ? stepsPerEpoch : every);
  return {
    stepsPerEpoch,
    totalSteps,
    evaluateEvery: inSteps(options.evalEvery) ?? Math.max(stepsPerEpoch, Math.round(totalSteps / mostEvaluations)),
    evaluatesLast: bestMetric(saving) !== undefined,
    saveEvery: inSteps(saving.saveEvery),
    logEvery: options.logEvery ?? Math.max(1, Math.round(totalSteps / 100)),
  };
}

/** Of many short epochs, not every one ends with an evaluation. */
const mostEvaluations = 10;
