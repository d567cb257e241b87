/** A run as a promise of its summary, and as a loop over what happens in it. */
import { AbortError, InputError } from "../errors.js";
import type { CheckpointRecord, EvaluationRecord, RateTrial, RunStart, StepRecord } from "../train/observer.js";
import type { RunControl } from "./run-control.js";
import type { RunSummary } from "./summary.js";

/** All is prepared; what is known before the first step. */
export interface StartEvent extends RunStart {
  readonly type: "start";
}

/** With `learningRate: "auto"`, a rate was tried. */
export interface TrialEvent extends RateTrial {
  readonly type: "trial";
}

/** A step was taken. */
export interface StepEvent extends StepRecord {
  readonly type: "step";
}

/** The evaluation data were measured: before the first step, between steps, and in the end. */
export interface EvaluationEvent extends EvaluationRecord {
  readonly type: "evaluation";
}

/** The run was saved, and could go on from there. */
export interface CheckpointEvent extends CheckpointRecord {
  readonly type: "checkpoint";
}

/** What a person should know that is no error. */
export interface NoticeEvent {
  readonly type: "notice";
  /** A sentence, without a full stop. */
  readonly notice: string;
}

/** The result is written; the last event. */
export interface DoneEvent {
  readonly type: "done";
  readonly summary: RunSummary;
}

/** What happens in a run, told apart by `type`. All of it can be written as JSON. */
export type RunEvent =
  | StartEvent
  | TrialEvent
  | StepEvent
  | EvaluationEvent
  | CheckpointEvent
  | NoticeEvent
  | DoneEvent;

/**
 * A run that is under way: await it for its summary, or loop over its events, once. The run never waits for the loop: events are kept
 * from the beginning until they are read, of steps the last thousand. Leaving the loop ends the run as an aborted signal does, and
 * waits until it has let go of everything; an error of the run is thrown in the loop.
 */
export interface FinetuneRun extends Promise<RunSummary>, AsyncIterable<RunEvent> {
  [Symbol.asyncIterator](): AsyncGenerator<RunEvent, void>;
}

/** Starts a run, once what called has had its turn. */
export function startRun(control: RunControl, perform: (control: RunControl) => Promise<RunSummary>): FinetuneRun {
  const unread = new UnreadEvents();
  let [isLeft, isRead] = [false, false];
  const observed: RunControl = {
    ...control,
    observers: [
      ...(control.observers ?? []),
      {
        onStart: (start) => unread.add({ type: "start", ...start }),
        onRateTried: (trial) => unread.add({ type: "trial", ...trial }),
        onStep: (record) => unread.add({ type: "step", ...record }),
        onEvaluation: (record) => unread.add({ type: "evaluation", ...record }),
        onCheckpoint: (record) => unread.add({ type: "checkpoint", ...record }),
        onNotice: (notice) => unread.add({ type: "notice", notice }),
      },
    ],
    signal: {
      get aborted() {
        return isLeft || control.signal?.aborted === true;
      },
      get reason() {
        return isLeft ? "the loop over its events was left" : control.signal?.reason;
      },
    },
  };
  const run = Promise.resolve().then(() => perform(observed));
  const ended = run.then(
    (summary) => unread.end({ type: "done", summary }),
    () => unread.end(),
  );

  async function* events(): AsyncGenerator<RunEvent, void> {
    try {
      for (let event = await unread.next(); event !== undefined; event = await unread.next()) yield event;
      await run;
    } finally {
      isLeft = true;
      await ended;
      // Whoever leaves the loop has asked for this error; others are theirs to know.
      await run.catch((error: unknown) => {
        if (!(error instanceof AbortError && error.cause === observed.signal?.reason)) throw error;
      });
    }
  }
  return Object.assign(run, {
    [Symbol.asyncIterator]() {
      if (isRead) throw new InputError("the events of a run are read by one loop, and this run has one already");
      isRead = true;
      // An error is the loop's to tell.
      run.catch(() => undefined);
      return events();
    },
  });
}

/** Steps that wait to be read at most; older ones give way. */
const mostSteps = 1000;

/** Events in their order, until they are read. */
class UnreadEvents {
  #events: RunEvent[] = [];
  #steps = 0;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  add(event: RunEvent): void {
    if (event.type === "step" && ++this.#steps > mostSteps) {
      this.#events.splice(
        this.#events.findIndex(({ type }) => type === "step"),
        1,
      );
      this.#steps--;
    }
    this.#events.push(event);
    this.#wake?.();
  }

  end(last?: RunEvent): void {
    if (last !== undefined) this.add(last);
    this.#hasEnded = true;
    this.#wake?.();
  }

  /** The next event, which may be some time; undefined after the last. */
  async next(): Promise<RunEvent | undefined> {
    while (this.#events.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const event = this.#events.shift();
    if (event?.type === "step") this.#steps--;
    return event;
  }
}
