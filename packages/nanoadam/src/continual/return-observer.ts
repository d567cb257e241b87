import type { CheckpointRecord, TrainingObserver } from "../train/observer.js";

/** Has something measured on each checkpoint of a run, before the next step is over; the last of all is the result's to measure. */
export class ReturnObserver implements TrainingObserver {
  readonly #measure: (checkpoint: CheckpointRecord) => Promise<void>;
  #waiting: CheckpointRecord | undefined;

  constructor(measure: (checkpoint: CheckpointRecord) => Promise<void>) {
    this.#measure = measure;
  }

  onCheckpoint(checkpoint: CheckpointRecord): void {
    this.#waiting = checkpoint;
  }

  /** Checkpoints are written after this is called for their step. */
  async betweenSteps(): Promise<void> {
    const checkpoint = this.#waiting;
    this.#waiting = undefined;
    if (checkpoint !== undefined) await this.#measure(checkpoint);
  }
}
