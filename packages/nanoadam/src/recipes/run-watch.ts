/** What a run writes, beside its result, for people to look at: TensorBoard's events and the report. */
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AbortError, InputError } from "../errors.js";
import type { Inputs } from "../files/input-places.js";
import { requireWritable } from "../files/output-file.js";
import { ownedName } from "../files/owned.js";
import { describeSystemError } from "../files/system-error.js";
import { type FinetuneOptions, flattenOptions } from "../options/finetune-options.js";
import type { AnswersShown } from "../tasks/review.js";
import type { NoticeListener, TrainingObserver } from "../train/observer.js";
import { generatorTag } from "../watch/generator-tag.js";
import { HistoryKeeper, readHistory } from "../watch/history.js";
import type { ReportedRun } from "../watch/report.js";
import { TensorBoardLog } from "../watch/tensorboard.js";
import type { RunSummary } from "./summary.js";

export class RunWatch {
  readonly observers: readonly TrainingObserver[];
  readonly #options: FinetuneOptions;
  readonly #listener: NoticeListener;
  readonly #history: HistoryKeeper | undefined;
  readonly #tensorboard: TensorBoardLog | undefined;
  #isReported = false;

  private constructor(
    options: FinetuneOptions,
    listener: NoticeListener,
    history: HistoryKeeper | undefined,
    tensorboard: TensorBoardLog | undefined,
  ) {
    this.#options = options;
    this.#listener = listener;
    this.#history = history;
    this.#tensorboard = tensorboard;
    this.observers = [this.#history, tensorboard].filter((each) => each !== undefined);
  }

  /**
   * @param before the log of what was done before, of a run that goes on
   * @throws InputError where what is asked for cannot be written.
   */
  static async open(
    options: FinetuneOptions,
    inputs: Inputs,
    listener: NoticeListener,
    before?: string,
  ): Promise<RunWatch> {
    const place = reportPlace(options);
    if (place !== undefined) {
      await requireWritable(place, { overwrite: options.output.overwrite || (await isReport(place)), inputs });
    }
    const { tensorboard } = options.output;
    const log =
      tensorboard === undefined
        ? undefined
        : await TensorBoardLog.open(tensorboard, configurationOf(options), listener);
    const history =
      place === undefined
        ? undefined
        : new HistoryKeeper(before === undefined ? undefined : readHistory(await readFile(before, "utf8"), before));
    return new RunWatch(options, listener, history, log);
  }

  /**
   * Writes the report of a run that is done, and ends what was written on the way.
   * @param pictures of the review's mistakes, made where a report is asked for
   */
  async finish(
    summary: RunSummary,
    answers: AnswersShown | undefined,
    pictures: () => Promise<readonly (string | undefined)[]>,
  ): Promise<void> {
    const { stopped, configuration } = summary;
    const result = { ...summary, answers, ...(this.#history === undefined ? {} : { pictures: await pictures() }) };
    await this.#report({
      configuration,
      result,
      ...(stopped === undefined ? {} : { ended: stopped.reason }),
    });
    await this.close();
  }

  /** Writes what there is to report of a run that an error ended; of one that has not taken a step, nothing. */
  async fail(error: unknown): Promise<void> {
    const isTold = error instanceof InputError || error instanceof AbortError;
    if ((this.#history?.history.steps.length ?? 0) > 0) {
      await this.#report({
        configuration: configurationOf(this.#options),
        ended: (isTold ? error.message : String(error)).replace(/\.$/, ""),
      });
    }
    await this.close();
  }

  /** Ends what is written on the way; doing so twice does nothing. */
  async close(): Promise<void> {
    await this.#tensorboard?.close();
  }

  /** A report that cannot be written is a notice: the result is worth more. */
  async #report(run: Omit<ReportedRun, "history" | "title">): Promise<void> {
    const place = reportPlace(this.#options);
    if (place === undefined || this.#history === undefined || this.#isReported) return;
    this.#isReported = true;
    // What draws is only loaded where something is to be drawn.
    const { reportHtml } = await import("../watch/report.js");
    const title = basename(this.#options.output.output);
    const staged = join(dirname(place), ownedName(basename(place)));
    try {
      await writeFile(staged, reportHtml({ ...run, title, history: this.#history.history }));
      await rename(staged, place);
    } catch (error) {
      await rm(staged, { force: true }).catch(() => undefined);
      this.#listener.onNotice?.(`the report ${place} could not be written: ${describeSystemError(error)}`);
    }
  }
}

/** Where the report goes: where it was asked for, else beside the output folder. */
function reportPlace({ output: { report, output } }: FinetuneOptions): string | undefined {
  if (typeof report === "string") return report;
  return report ? `${output.replace(/[\\/]+$/, "")}-report.html` : undefined;
}

/** Options as a page shows them. */
function configurationOf(options: FinetuneOptions): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(flattenOptions(options)).map(([name, value]) => [
      name,
      (name === "train" || name === "eval") && typeof value === "object" ? "rows of a program" : value,
    ]),
  );
}

/** Whether a file is a report that a run wrote: the next one replaces it. */
async function isReport(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead).includes(generatorTag);
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
