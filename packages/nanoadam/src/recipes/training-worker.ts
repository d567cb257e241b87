/** The script of the thread that `worker-run.ts` starts: it performs one run and tells of it. */
import { parentPort, workerData } from "node:worker_threads";
import type { TrainingObserver } from "../train/observer.js";
import { performRun } from "./finetune.js";
import { performRest } from "./resume.js";
import type { RunControl } from "./run-control.js";
import { failureOf, toldMethods, type WorkerMessage, type WorkerStart } from "./worker-messages.js";

const { task, stop, control: given } = workerData as WorkerStart;
const tell = (message: WorkerMessage) => parentPort?.postMessage(message);

const observer: TrainingObserver = Object.fromEntries(
  toldMethods.map((method) => [method, (value: unknown) => tell({ method, value })]),
);
const control: RunControl = {
  ...given,
  observers: [observer],
  signal: {
    get aborted() {
      return Atomics.load(stop, 0) === 1;
    },
  },
};
try {
  const summary =
    "input" in task
      ? await performRun({ input: task.input, control })
      : await performRest(task.folder, { ...control, changes: task.changes, allowChanged: task.allowChanged });
  tell({ summary });
} catch (error) {
  tell({ failure: failureOf(error) });
}
