import { type FileHandle, open } from "node:fs/promises";
import type { EvaluationRecord, RunStart, StepRecord, TrainingObserver } from "../train/observer.js";

/** A file of one JSON object a line: steps, some or all, and evaluations, written as they come. */
export class MetricsLog implements TrainingObserver {
  readonly #file: FileHandle;
  readonly #logEvery: number;
  #totalSteps = Number.POSITIVE_INFINITY;
  #writes: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  private constructor(file: FileHandle, logEvery: number) {
    this.#file = file;
    this.#logEvery = logEvery;
  }

  /** @param logEvery steps between lines; the last step has one in any case */
  static async open(path: string, logEvery: number): Promise<MetricsLog> {
    return new MetricsLog(await open(path, "wx"), logEvery);
  }

  onStart({ totalSteps }: RunStart): void {
    this.#totalSteps = totalSteps;
  }

  onStep(record: StepRecord): void {
    if (record.step % this.#logEvery === 0 || record.step === this.#totalSteps) this.#write(record);
  }

  onEvaluation(record: EvaluationRecord): void {
    this.#write(record);
  }

  #write(record: StepRecord | EvaluationRecord): void {
    this.#writes = this.#writes.then(() => this.#file.write(`${JSON.stringify(record)}\n`));
    // `close` reports a write that fails; until then it must not end the process as an unhandled rejection.
    this.#writes.catch(() => undefined);
  }

  /** Waits for what was written; closing twice does nothing. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#writes;
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }
}
