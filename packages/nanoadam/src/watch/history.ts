/** What is known of a run so far, as its observers are told or as its log has it. */
import { InputError } from "../errors.js";
import {
  type EvaluationRecord,
  type RunStart,
  type StartSummary,
  type StepRecord,
  summaryOfStart,
  type TrainingObserver,
} from "../train/observer.js";

export interface RunHistory {
  /** Absent where the log does not say. */
  readonly start: StartSummary | undefined;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
}

/** Looks on and keeps everything. */
export class HistoryKeeper implements TrainingObserver {
  #start: StartSummary | undefined;
  readonly #steps: StepRecord[];
  readonly #evaluations: EvaluationRecord[];

  /** @param before of a run that goes on */
  constructor(before?: RunHistory) {
    this.#start = before?.start;
    this.#steps = [...(before?.steps ?? [])];
    this.#evaluations = [...(before?.evaluations ?? [])];
  }

  get history(): RunHistory {
    return { start: this.#start, steps: this.#steps, evaluations: this.#evaluations };
  }

  onStart(start: RunStart): void {
    this.#start = summaryOfStart(start);
  }

  onStep(record: StepRecord): void {
    this.#steps.push(record);
  }

  onEvaluation(record: EvaluationRecord): void {
    this.#evaluations.push(record);
  }
}

/**
 * Reads the lines of a metrics.jsonl, of which the last may not be whole yet. Lines of other kinds are passed over: a later
 * version may have more of them.
 * @throws InputError naming the first line that is no JSON object.
 */
export function readHistory(text: string, file: string): RunHistory {
  let start: StartSummary | undefined;
  const steps: StepRecord[] = [];
  const evaluations: EvaluationRecord[] = [];
  const lines = text.split("\n");
  for (const [place, line] of lines.slice(0, -1).entries()) {
    const record = objectOf(line);
    if (record === undefined) throw new InputError(`${file}, line ${place + 1}: expected a JSON object`);
    if (isObject(record.start)) start = record.start as unknown as StartSummary;
    if (typeof record.step !== "number") continue;
    if (isObject(record.eval)) evaluations.push(record as unknown as EvaluationRecord);
    else if ("loss" in record) steps.push(record as unknown as StepRecord);
  }
  return { start, steps, evaluations };
}

function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
