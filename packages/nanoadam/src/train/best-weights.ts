/** Which step of a run has the best weights, and when it is time to end because none come that are better. */
import { isBetterLower } from "../tasks/metrics.js";
import type { EvaluationRecord, TrainingObserver } from "./observer.js";

/** A step, and the figure that its weights were measured by. */
export interface Best {
  readonly step: number;
  readonly metric: string;
  readonly value: number;
}

/** What the evaluations so far came to. */
export interface BestSoFar {
  /** Absent until an evaluation had a figure that is a number. */
  readonly best?: Best | undefined;
  /** Evaluations since the best one. */
  readonly since: number;
}

/** Follows the evaluations of a run. That before the first step does not count: it is not of the run's weights. */
export class BestWeights implements TrainingObserver {
  readonly #metric: string;
  readonly #patience: number;
  #soFar: BestSoFar;

  /** @param patience evaluations without a better one after which the run ends; never unless given */
  constructor(metric: string, patience?: number, soFar: BestSoFar = { since: 0 }) {
    this.#metric = metric;
    this.#patience = patience ?? Number.POSITIVE_INFINITY;
    // Figures of another metric do not compare.
    this.#soFar = soFar.best === undefined || soFar.best.metric === metric ? soFar : { since: 0 };
  }

  get soFar(): BestSoFar {
    return this.#soFar;
  }

  onEvaluation({ step, eval: evaluation }: EvaluationRecord): void {
    if (step === 0) return;
    const metric = this.#metric;
    const value = (evaluation as Readonly<Record<string, number>>)[metric] ?? Number.NaN;
    const { best, since } = this.#soFar;
    if (this.#isBetter(value, best?.value)) this.#soFar = { best: { step, metric, value }, since: 0 };
    else this.#soFar = { best, since: since + 1 };
  }

  /** Of two that are equal the earlier is the better. */
  #isBetter(value: number, best: number | undefined): boolean {
    if (!Number.isFinite(value)) return false;
    if (best === undefined) return true;
    return isBetterLower(this.#metric) ? value < best : value > best;
  }

  reasonToStop(): string | undefined {
    const { best, since } = this.#soFar;
    if (since < this.#patience) return undefined;
    const evaluations = `${since} ${since === 1 ? "evaluation" : "evaluations"}`;
    const than = best === undefined ? "" : ` than ${best.value.toPrecision(4)} after step ${best.step}`;
    return `no better ${this.#metric}${than} in ${evaluations}`;
  }
}
