/** Tasks learned one after another on one body, each with a head of its own, and what is left of the earlier ones. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { locateModel } from "../checkpoint/locate-model.js";
import { AbortError, DivergenceError, InputError } from "../errors.js";
import { readJsonObject } from "../files/read-json.js";
import { StepFolders } from "../files/step-folders.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import { finetune } from "../recipes/finetune.js";
import { resumeFinetuning } from "../recipes/resume.js";
import type { RunControl } from "../recipes/run-control.js";
import type { RunSummary } from "../recipes/summary.js";
import { taskKind } from "../tasks/registry.js";
import type { Evaluation } from "../train/evaluation.js";
import type { StopSignal } from "../train/loop.js";
import type { NoticeListener, TrainingObserver } from "../train/observer.js";
import { readHistory } from "../watch/history.js";
import { ContinualFolder } from "./continual-folder.js";
import { measureShift, measureTask } from "./measure.js";
import { type ContinualInput, type ContinualOptions, parseContinualOptions, type SettledTask } from "./options.js";
import { type ContinualReport, type KnownOfTask, reportOf } from "./report.js";
import { ReturnObserver } from "./return-observer.js";
import { writeStart } from "./start-folder.js";

/** An earlier task that was measured. */
export interface ReturnRecord {
  readonly task: string;
  /** The task that is learned, or was just before; null before any. */
  readonly during: string | null;
  /** The steps of that which were taken; null once it is done. */
  readonly step: number | null;
  readonly evaluation: Evaluation;
}

export interface ContinualControl extends NoticeListener {
  /** Called before a task is learned; who looks on meanwhile. */
  observe?(task: { readonly name: string; readonly place: number; readonly of: number }): readonly TrainingObserver[];
  /** Told what is measured outside of the runs. */
  onReturn?(record: ReturnRecord): void;
  /** Once aborted, the sequence ends; the task that is learned is saved, and the same call goes on. */
  readonly signal?: StopSignal | undefined;
}

/**
 * Learns tasks one after another and measures what is left of the earlier ones. The body is carried from task to task; each has a
 * head of its own, which is put back on the body of the moment when the task is measured again. The same call again goes on where it
 * was stopped, within a task from its last checkpoint.
 * @throws InputError for anything wrong with options, models, data or the folder.
 * @throws DivergenceError when a task diverges: what comes after it would mean nothing.
 * @throws AbortError once the signal is aborted.
 */
export async function continual(input: ContinualInput, control: ContinualControl = {}): Promise<ContinualReport> {
  const options = parseContinualOptions(input);
  const base = await locateModel(options.model, control.onNotice);
  const folder = await ContinualFolder.open(options.output, {
    configuration: configurationOf(input, base),
    overwrite: options.overwrite,
    inputs: {
      model: base,
      train: options.tasks.map(({ options: { data } }) => String(data.train)),
      eval: options.tasks.flatMap(({ options: { data } }) => (typeof data.eval === "string" ? [data.eval] : [])),
    },
    tell: control.onNotice,
  });
  try {
    return await new Sequence(input, options, base, folder, control).perform();
  } catch (error) {
    if (control.signal?.aborted !== true || !(error instanceof AbortError)) throw error;
    throw new AbortError(
      `interrupted; what is done is kept in ${options.output}, and the same command goes on`,
      control.signal.reason,
    );
  } finally {
    await folder.release();
  }
}

/** The options as they are kept: paths are absolute, so that they mean the same from anywhere. */
function configurationOf(
  { output: _output, overwrite: _overwrite, ...input }: ContinualInput,
  base: string,
): Record<string, unknown> {
  // The Hub's names are the same from anywhere.
  const placeOf = (data: string) => (data.startsWith("hf://") ? data : resolve(data));
  const model = base === input.model ? resolve(base) : input.model;
  const tasks = input.tasks.map((task) => ({
    ...task,
    train: placeOf(task.train),
    ...(task.eval === undefined ? {} : { eval: placeOf(task.eval) }),
  }));
  // What JSON has no word for is not there.
  return JSON.parse(JSON.stringify({ ...input, model, tasks })) as Record<string, unknown>;
}

class Sequence {
  readonly #input: ContinualInput;
  readonly #options: ContinualOptions;
  /** The folder of the model that it begins with. */
  readonly #base: string;
  readonly #folder: ContinualFolder;
  readonly #control: ContinualControl;
  /** Of the tasks that are learned. */
  readonly #summaries = new Map<string, RunSummary>();

  constructor(
    input: ContinualInput,
    options: ContinualOptions,
    base: string,
    folder: ContinualFolder,
    control: ContinualControl,
  ) {
    this.#input = input;
    this.#options = options;
    this.#base = base;
    this.#folder = folder;
    this.#control = control;
  }

  async perform(): Promise<ContinualReport> {
    const { tasks, return: returns } = this.#options;
    const known = tasks.filter(({ isKnown }) => isKnown);
    const learned = tasks.filter(({ isKnown }) => !isKnown);
    for (const task of known) await this.#measure(task, { during: null, step: null, body: this.#base });
    for (const [place, task] of learned.entries()) {
      this.#requireGoingOn();
      const earlier = [...known, ...learned.slice(0, place)];
      await this.#learn(task, learned[place - 1], returns ? earlier : []);
      const body = this.#folder.resultOf(task);
      const isLast = place === learned.length - 1;
      for (const each of returns || isLast ? earlier : []) {
        await this.#measure(each, { during: task.name, step: null, body });
      }
      if (this.#folder.state.shifts[task.name] === undefined) {
        await this.#folder.keepShift(task.name, await measureShift(this.#base, body));
      }
      await this.#folder.write(await this.#report());
    }
    return this.#report();
  }

  #requireGoingOn(): void {
    const { signal } = this.#control;
    if (signal?.aborted === true) throw new AbortError("interrupted", signal.reason);
  }

  /** Learns a task that is not learned yet, from the body of the one before. */
  async #learn(task: SettledTask, before: SettledTask | undefined, earlier: readonly SettledTask[]): Promise<void> {
    const output = this.#folder.resultOf(task);
    const found = await summaryIn(output);
    const summary = found ?? (await this.#train(task, before, earlier));
    if (summary.stopped !== undefined) {
      throw new DivergenceError(`task "${task.name}": ${summary.stopped.reason}; begin anew with \`overwrite\``);
    }
    this.#summaries.set(task.name, summary);
    await this.#folder.removeStart(task);
    if (task.options.saving.saveEvery === undefined) await new StepFolders(output).removeAll();
  }

  async #train(
    task: SettledTask,
    before: SettledTask | undefined,
    earlier: readonly SettledTask[],
  ): Promise<RunSummary> {
    const output = this.#folder.resultOf(task);
    const checkpoints = new StepFolders(output);
    const last = (await checkpoints.steps()).at(-1);
    const observer = new ReturnObserver(async ({ step, folder }) => {
      for (const each of earlier) await this.#measure(each, { during: task.name, step, body: folder });
    });
    // What the process was killed before it measured.
    if (last !== undefined) observer.onCheckpoint({ step: last, folder: checkpoints.path(last), isBest: false });
    const { tasks } = this.#options;
    const looking = this.#control.observe?.({ name: task.name, place: tasks.indexOf(task), of: tasks.length }) ?? [];
    const control: RunControl = {
      observers: [...(earlier.length === 0 ? [] : [observer]), ...looking],
      signal: this.#control.signal,
      savesCancelled: true,
    };
    try {
      if (last !== undefined) return await resumeFinetuning(output, control);
      const model = before === undefined ? this.#options.model : await this.#start(task, before);
      await this.#folder.begin();
      return await finetune({ ...this.#inputOf(task, earlier.length > 0), model, output }, control);
    } catch (error) {
      const isOwn = error instanceof InputError || error instanceof DivergenceError;
      if (isOwn) error.message = `task "${task.name}": ${error.message}`;
      throw error;
    }
  }

  /** Where earlier tasks are measured meanwhile, checkpoints are what they are measured on. */
  #inputOf({ input, options: { saving } }: SettledTask, returns: boolean): Omit<FinetuneInput, "model" | "output"> {
    if (!returns) return input;
    const saveEvery = saving.saveEvery ?? input.evalEvery ?? "epoch";
    return { ...input, evalEvery: input.evalEvery ?? "epoch", saveEvery, keep: input.keep ?? 1 };
  }

  /** The checkpoint that a task starts from. */
  async #start(task: SettledTask, before: SettledTask): Promise<string> {
    const start = this.#folder.startOf(task);
    await writeStart(start, { base: this.#base, body: this.#folder.resultOf(before) });
    return start;
  }

  async #measure(
    task: SettledTask,
    { body, ...at }: { readonly during: string | null; readonly step: number | null; readonly body: string },
  ): Promise<void> {
    const isThere = this.#folder.state.measurements.some(
      ({ of, during, step }) => of === task.name && during === at.during && step === at.step,
    );
    if (isThere) return;
    if (at.step === null) this.#requireGoingOn();
    const head = task.isKnown ? this.#base : this.#folder.resultOf(task);
    const columns = columnsOf(this.#summaries.get(task.name));
    const { onNotice, onReturn } = this.#control;
    const listener = onNotice === undefined ? {} : { onNotice };
    const measured = await measureTask({ head, body, options: task.options, columns }, listener);
    if (task.isKnown) this.#requireKind(task, measured.task);
    await this.#folder.begin();
    await this.#folder.keep({ of: task.name, ...measured, ...at });
    onReturn?.({ task: task.name, ...at, evaluation: measured.evaluation });
  }

  /** @throws InputError where the model's head is not for what a task that it should know was said to be */
  #requireKind({ name, input }: SettledTask, found: string): void {
    if (input.task === undefined || taskKind(input.task).name === found) return;
    if (input.task === "classification" && found === "image-classification") return;
    throw new InputError(
      `task "${name}": \`task\` is ${input.task}, but ${this.#options.model} has a head for ${found}, and with 0 \`epochs\` no other is learned`,
    );
  }

  async #report(): Promise<ContinualReport> {
    const tasks = await Promise.all(
      this.#options.tasks.map(async (task): Promise<KnownOfTask> => {
        const { name, isKnown } = task;
        const summary = this.#summaries.get(name);
        if (summary === undefined) return { name, isKnown };
        const file = join(this.#folder.resultOf(task), "metrics.jsonl");
        const { evaluations } = readHistory(await readFile(file, "utf8"), file);
        return { name, isKnown, run: { ...runOf(summary), evaluations } };
      }),
    );
    return reportOf(configurationOf(this.#input, this.#base), tasks, this.#folder.state);
  }
}

/** The summary of a task's run that is done. */
async function summaryIn(output: string): Promise<RunSummary | undefined> {
  return (await readJsonObject(join(output, "summary.json"))) as unknown as RunSummary | undefined;
}

function columnsOf(summary: RunSummary | undefined) {
  const { text, label } = (summary?.configuration ?? {}) as { readonly text?: string[]; readonly label?: string[] };
  return text === undefined ? undefined : { text, ...(label === undefined ? {} : { label }) };
}

/** What the report has of a run. */
function runOf(summary: RunSummary): Omit<NonNullable<KnownOfTask["run"]>, "evaluations"> {
  return {
    task: summary.task,
    final: summary.evaluation.final,
    training: {
      optimizer: summary.optimizer,
      learningRate: Number(summary.configuration.learningRate),
      steps: summary.steps,
      examples: summary.examples.train,
      changedShare: summary.parameters.everChanged.share,
      optimizerStateBytes: summary.optimizerStateBytes,
      seconds: summary.wallSeconds,
    },
  };
}
