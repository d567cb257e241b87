/** A run in a thread of its own, so that the one that asks for it goes on answering. */
import { Worker } from "node:worker_threads";
import { InputError } from "../errors.js";
import { type FinetuneInput, parseFinetuneOptions } from "../options/finetune-options.js";
import { observeAll, type TrainingObserver } from "../train/observer.js";
import { callState, closeCalls } from "./native-calls.js";
import type { RunControl } from "./run-control.js";
import type { RunSummary } from "./summary.js";
import { askedMethods, errorOf, type WorkerMessage, type WorkerStart, type WorkerTask } from "./worker-messages.js";

const script = new URL("./training-worker.js", import.meta.url);

/** Milliseconds between two looks at the signal. */
const lookEvery = 20;

/**
 * Performs a run in another thread, and lets observers here know what happens there. The thread is gone when this is settled, and ends
 * with the process.
 * @throws InputError for what cannot go to another thread, and as `finetune`
 */
export async function runInWorker(task: WorkerTask, control: RunControl): Promise<RunSummary> {
  const { observers = [], signal, savesCancelled = false, optionFiles = {} } = control;
  for (const method of askedMethods) {
    if (observers.every((observer) => observer[method] === undefined)) continue;
    throw new InputError(`an observer's \`${method}\` cannot go with \`worker\`: the run would have to wait for it`);
  }
  if ("input" in task) parseFinetuneOptions(task.input);
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const calls = callState();
  const worker = startWorker({ task: withRowsAtHand(task), control: { savesCancelled, optionFiles }, stop, calls });
  const atExit = () => closeCalls(calls);
  process.on("exit", atExit);
  const look = () => {
    if (signal?.aborted === true) Atomics.store(stop, 0, 1);
  };
  look();
  const timer = setInterval(look, lookEvery);
  try {
    return await resultOf(worker, observeAll(observers), { signal, end: () => Atomics.store(stop, 0, 1) });
  } finally {
    clearInterval(timer);
    await worker.terminate();
    process.off("exit", atExit);
  }
}

/** What the thread has in the end. */
function resultOf(
  worker: Worker,
  observer: Required<TrainingObserver>,
  { signal, end }: Pick<RunControl, "signal"> & { readonly end: () => void },
): Promise<RunSummary> {
  return new Promise((resolve, reject) => {
    /** What an observer threw, which ends the run. */
    let thrown: { readonly error: unknown } | undefined;
    worker.on("message", (message: WorkerMessage) => {
      if ("method" in message) {
        if (thrown !== undefined) return;
        try {
          (observer[message.method] as (value: unknown) => void)(message.value);
        } catch (error) {
          thrown = { error };
          end();
        }
      } else if (thrown !== undefined) reject(thrown.error);
      else if ("summary" in message) resolve(message.summary);
      else reject(errorOf(message.failure, signal?.reason));
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the thread of the run ended with code ${code} before the run did`)));
  });
}

/** @throws InputError naming the option that has something that cannot be copied: a function, for instance */
function startWorker(start: WorkerStart): Worker {
  try {
    return new Worker(script, { workerData: start, execArgv: [] });
  } catch (error) {
    if (!(error instanceof Error && error.name === "DataCloneError")) throw error;
    throw new InputError(`${uncopied(start.task)} cannot go to the thread of \`worker\`: ${error.message}`);
  }
}

/** The option, and of rows the first, that cannot be copied. */
function uncopied(task: WorkerTask): string {
  for (const [option, value] of Object.entries("input" in task ? task.input : task.changes)) {
    if (isCopied(value)) continue;
    const row = Array.isArray(value) ? value.findIndex((each) => !isCopied(each)) : -1;
    return row < 0 ? `\`${option}\`` : `row ${row + 1} of \`${option}\``;
  }
  return "an option";
}

function isCopied(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** The task with rows of a program, which may come from anywhere, in lists. */
function withRowsAtHand(task: WorkerTask): WorkerTask {
  return "input" in task ? { input: listed(task.input) } : { ...task, changes: listed(task.changes) };
}

function listed<Input extends Partial<FinetuneInput>>(input: Input): Input {
  const rows = Object.entries({ train: input.train, eval: input.eval }).flatMap(([option, data]) =>
    data === undefined || typeof data === "string" ? [] : [[option, [...data]]],
  );
  return { ...input, ...Object.fromEntries(rows) };
}
