import { copyFile, type FileHandle, open } from "node:fs/promises";
import { InputError } from "../errors.js";
import { describeSystemError } from "../files/system-error.js";
import type { EvaluationRecord, NoticeListener, RunStart, StepRecord, TrainingObserver } from "../train/observer.js";

/**
 * A file of one JSON object a line: steps, some or all, and evaluations, written as they come. One that cannot be written is
 * an error before the first step, and a notice after it: what is trained is worth more than the log.
 */
export class MetricsLog implements TrainingObserver {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #logEvery: number;
  readonly #listener: NoticeListener;
  #totalSteps = Number.POSITIVE_INFINITY;
  #writes: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  private constructor(path: string, file: FileHandle, logEvery: number, listener: NoticeListener) {
    this.#path = path;
    this.#file = file;
    this.#logEvery = logEvery;
    this.#listener = listener;
  }

  /**
   * @param logEvery steps between lines; the last step has one in any case
   * @param before a file with the lines so far, of a run that goes on
   */
  static async open(path: string, logEvery: number, listener: NoticeListener, before?: string): Promise<MetricsLog> {
    if (before !== undefined) await copyFile(before, path).catch(refuse);
    return new MetricsLog(path, await open(path, before === undefined ? "wx" : "a").catch(refuse), logEvery, listener);
  }

  /** Copies what there is so far; that some could not be written `close` tells. @throws what the system says of the copy */
  async copyTo(path: string): Promise<void> {
    await this.#writes.catch(() => undefined);
    await copyFile(this.#path, path);
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
    this.#writes = this.#writes.then(() => this.#file.writeFile(`${JSON.stringify(record)}\n`));
    // `requireWritten` and `close` tell; until then a failure must not end the process as an unhandled rejection.
    this.#writes.catch(() => undefined);
  }

  /** @throws InputError where what has come so far could not be written. */
  async requireWritten(): Promise<void> {
    await this.#writes.catch(refuse);
  }

  /** Waits for what was written; closing twice does nothing. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#writes;
      await this.#file.sync();
    } catch (error) {
      this.#listener.onNotice?.(`metrics.jsonl is not whole: ${describeSystemError(error)}`);
    } finally {
      await this.#file.close().catch(() => undefined);
    }
  }
}

function refuse(error: unknown): never {
  throw new InputError(`metrics.jsonl could not be written: ${describeSystemError(error)}; nothing was trained.`);
}
