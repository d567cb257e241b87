/** The script of the thread that `worker-run.ts` starts: it performs one run and tells of it. */
import { parentPort, workerData } from "node:worker_threads";
import type { TrainingObserver } from "../train/observer.js";
import { performRun } from "./finetune.js";
import { NativeCalls } from "./native-calls.js";
import { openRuntime } from "./open-runtime.js";
import { performRest } from "./resume.js";
import type { RunControl } from "./run-control.js";
import { failureOf, toldMethods, type WorkerMessage, type WorkerStart } from "./worker-messages.js";

const { task, stop, calls: callState, control: given } = workerData as WorkerStart;
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
const calls = new NativeCalls(callState);
const open: typeof openRuntime = async (...how) => calls.around(await calls.make(() => openRuntime(...how)));
try {
  const summary =
    "input" in task
      ? await performRun({ input: task.input, control, open })
      : await performRest(task.folder, { ...control, changes: task.changes, allowChanged: task.allowChanged }, open);
  tell({ summary });
} catch (error) {
  tell({ failure: failureOf(error) });
}
