import { copyFile } from "node:fs/promises";
import { InputError } from "../errors.js";
import { AppendedFile } from "../files/appended-file.js";
import { describeSystemError } from "../files/system-error.js";
import {
  type EvaluationRecord,
  type NoticeListener,
  type RunStart,
  type StepRecord,
  summaryOfStart,
  type TrainingObserver,
} from "../train/observer.js";

/**
 * A file of one JSON object a line: what the run is, steps, some or all, and evaluations, written as they come. One that cannot
 * be written is an error before the first step, and a notice after it: what is trained is worth more than the log.
 */
export class MetricsLog implements TrainingObserver {
  readonly #file: AppendedFile;
  readonly #logEvery: number;
  readonly #listener: NoticeListener;
  /** Whether the file has lines of a run that goes on. */
  readonly #hasStart: boolean;
  #totalSteps = Number.POSITIVE_INFINITY;

  private constructor(file: AppendedFile, logEvery: number, listener: NoticeListener, hasStart: boolean) {
    this.#file = file;
    this.#logEvery = logEvery;
    this.#listener = listener;
    this.#hasStart = hasStart;
  }

  /**
   * @param logEvery steps between lines; the last step has one in any case
   * @param before a file with the lines so far, of a run that goes on
   */
  static async open(path: string, logEvery: number, listener: NoticeListener, before?: string): Promise<MetricsLog> {
    const file = await AppendedFile.create(path, before).catch(refuse);
    return new MetricsLog(file, logEvery, listener, before !== undefined);
  }

  /** Copies what there is so far; that some could not be written `close` tells. @throws what the system says of the copy */
  async copyTo(path: string): Promise<void> {
    await this.#file.written().catch(() => undefined);
    await copyFile(this.#file.path, path);
  }

  onStart(start: RunStart): void {
    this.#totalSteps = start.totalSteps;
    if (!this.#hasStart) this.#write({ start: summaryOfStart(start) });
  }

  onStep(record: StepRecord): void {
    if (record.step % this.#logEvery === 0 || record.step === this.#totalSteps) this.#write(record);
  }

  onEvaluation(record: EvaluationRecord): void {
    this.#write(record);
  }

  #write(record: object): void {
    this.#file.append(`${JSON.stringify(record)}\n`);
  }

  /** @throws InputError where what has come so far could not be written. */
  async requireWritten(): Promise<void> {
    await this.#file.written().catch(refuse);
  }

  /** Waits for what was written; closing twice does nothing. */
  async close(): Promise<void> {
    await this.#file.close().catch((error: unknown) => {
      this.#listener.onNotice?.(`metrics.jsonl is not whole: ${describeSystemError(error)}`);
    });
  }
}

function refuse(error: unknown): never {
  throw new InputError(`metrics.jsonl could not be written: ${describeSystemError(error)}; nothing was trained.`);
}
