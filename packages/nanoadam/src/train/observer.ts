import { type FileHandle, open } from "node:fs/promises";
import type { ParameterCounts } from "../recipes/summary.js";
import type { Evaluation } from "./evaluation.js";
import type { Plan } from "./plan.js";
import type { PreparedRun } from "./prepare.js";

/** One step as it is logged. */
export interface StepRecord {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly density?: number;
  readonly gradientNorm: number;
  /** Tokens that are not padding. */
  readonly tokensPerSecond: number;
}

/** One evaluation as it is logged. */
export interface EvaluationRecord {
  readonly step: number;
  readonly epoch: number;
  readonly eval: Evaluation;
}

/** What is known before the first step. */
export interface RunStart {
  readonly run: PreparedRun;
  readonly plan: Plan;
  readonly learningRate: number;
  readonly counts: ParameterCounts;
}

/** Looks on while a run goes, and may end it. */
export interface RunWatcher {
  /** Once aborted, the run ends before its next step, and nothing is written. */
  readonly signal?: AbortSignal;
  onStart?(start: RunStart): void;
  onStep?(record: StepRecord, plan: Plan): void;
  onEvaluation?(record: EvaluationRecord): void;
}

/** A file of one JSON object a line, written as they come. */
export class MetricsLog {
  readonly #file: FileHandle;
  #writes: Promise<unknown> = Promise.resolve();
  #open = true;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<MetricsLog> {
    return new MetricsLog(await open(path, "wx"));
  }

  write(record: StepRecord | EvaluationRecord): void {
    this.#writes = this.#writes.then(() => this.#file.write(`${JSON.stringify(record)}\n`));
    // A write that fails is told by `close`; until then it must not end the process as an unhandled rejection.
    this.#writes.catch(() => undefined);
  }

  /** Waits for what was written; closing twice does nothing. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    try {
      await this.#writes;
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }
}
