/** What a run in a thread of its own and the thread that started it tell each other. */
import { AbortError, DivergenceError, InputError } from "../errors.js";
import type { FinetuneInput } from "../options/finetune-options.js";
import type { TrainingObserver } from "../train/observer.js";
import type { RunControl } from "./run-control.js";
import type { RunSummary } from "./summary.js";

/** A run from its beginning, or the rest of one. */
export type WorkerTask =
  | { readonly input: FinetuneInput }
  | { readonly folder: string; readonly changes: Partial<FinetuneInput>; readonly allowChanged: boolean };

/** What the thread is given. */
export interface WorkerStart {
  readonly task: WorkerTask;
  readonly control: Pick<RunControl, "savesCancelled" | "optionFiles">;
  /** One number, in memory that both share: once it is 1, the run ends before its next step. */
  readonly stop: Int32Array;
  /** Whether the thread is in a native call (`native-calls.ts`). */
  readonly calls: Int32Array;
}

/** What an observer is told and need not answer. */
export const toldMethods = [
  "onNotice",
  "onStart",
  "onRateTried",
  "onStep",
  "onEvaluation",
  "onCheckpoint",
  "onSave",
] as const satisfies readonly (keyof TrainingObserver)[];

/** What an observer answers, or the run waits for: it cannot be asked across threads. */
export const askedMethods = [
  "onUpdate",
  "betweenSteps",
  "reasonToStop",
  "onCancel",
] as const satisfies readonly Exclude<keyof TrainingObserver, (typeof toldMethods)[number]>[];

/** What the thread tells: what observers are told, and in the end the summary or what went wrong. */
export type WorkerMessage =
  | { readonly method: (typeof toldMethods)[number]; readonly value: unknown }
  | { readonly summary: RunSummary }
  | { readonly failure: Failure };

/** An error as another thread gets it; copies of errors are of no class. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), stack: undefined };
  const { name, message, stack } = error;
  return { name, message, stack };
}

/** The error of another thread, of its class where that is one of ours. */
export function errorOf({ name, message, stack }: Failure, abortReason: unknown): Error {
  const error = ((): Error => {
    if (name === "InputError") return new InputError(message);
    if (name === "DivergenceError") return new DivergenceError(message);
    if (name === "AbortError") return new AbortError(message, abortReason);
    return Object.assign(new Error(message), { name });
  })();
  if (stack !== undefined) error.stack = stack;
  return error;
}
