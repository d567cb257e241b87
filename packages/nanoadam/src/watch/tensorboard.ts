import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { AppendedFile } from "../files/appended-file.js";
import { makeFolder } from "../files/make-folder.js";
import { describeSystemError } from "../files/system-error.js";
import type { EvaluationRecord, NoticeListener, StepRecord, TrainingObserver } from "../train/observer.js";
import { type Scalar, scalarEvent, textEvent, versionEvent } from "./event-file.js";

/**
 * A run as TensorBoard reads it: an event file, whose scalars have the names that transformers' Trainer gives them (`train/loss`,
 * `eval/accuracy`), and the options as text (`args`). Each event is handed to the system as it comes.
 */
export class TensorBoardLog implements TrainingObserver {
  readonly #file: AppendedFile;
  readonly #folder: string;
  readonly #listener: NoticeListener;

  private constructor(file: AppendedFile, folder: string, listener: NoticeListener) {
    this.#file = file;
    this.#folder = folder;
    this.#listener = listener;
  }

  /**
   * A file of this run's own in a folder, which is made where it is not there.
   * @throws InputError where it cannot be written.
   */
  static async open(
    folder: string,
    options: Readonly<Record<string, unknown>>,
    listener: NoticeListener,
  ): Promise<TensorBoardLog> {
    const time = Date.now();
    // Readers take files of a folder in the order of their names.
    const seconds = String(Math.floor(time / 1000)).padStart(10, "0");
    const name = `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${randomBytes(4).toString("hex")}`;
    try {
      await makeFolder(folder);
      const file = await AppendedFile.create(join(folder, name));
      file.append(versionEvent(time));
      file.append(
        textEvent({ time, step: 0 }, "args", `    ${JSON.stringify(options, null, 2).replaceAll("\n", "\n    ")}`),
      );
      await file.written();
      return new TensorBoardLog(file, folder, listener);
    } catch (error) {
      throw new InputError(`The folder of \`tensorboard\` ${folder} cannot be written: ${describeSystemError(error)}.`);
    }
  }

  onStep(record: StepRecord): void {
    const { step, epoch, loss, learningRate, gradientNorm, density, tokensPerSecond, examplesPerSecond } = record;
    this.#write(step, [
      { tag: "train/loss", value: loss },
      { tag: "train/grad_norm", value: gradientNorm },
      { tag: "train/learning_rate", value: learningRate },
      { tag: "train/epoch", value: epoch },
      ...(density === undefined ? [] : [{ tag: "train/density", value: density }]),
      { tag: "train/tokens_per_second", value: tokensPerSecond },
      { tag: "train/samples_per_second", value: examplesPerSecond },
    ]);
  }

  onEvaluation({ step, eval: evaluation, changedShare, retained }: EvaluationRecord): void {
    this.#write(step, [
      ...Object.entries(evaluation).map(([name, value]) => ({ tag: `eval/${name}`, value })),
      ...Object.entries(retained ?? {}).map(([name, value]) => ({ tag: `retain/${name}`, value })),
      ...(changedShare === undefined ? [] : [{ tag: "train/changed_share", value: changedShare }]),
    ]);
  }

  #write(step: number, scalars: readonly Scalar[]): void {
    this.#file.append(scalarEvent({ time: Date.now(), step }, scalars));
  }

  /** Waits for what was written; closing twice does nothing. */
  async close(): Promise<void> {
    await this.#file.close().catch((error: unknown) => {
      this.#listener.onNotice?.(`the event file in ${this.#folder} is not whole: ${describeSystemError(error)}`);
    });
  }
}
