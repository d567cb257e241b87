import type { StopSignal } from "../train/loop.js";
import type { TrainingObserver } from "../train/observer.js";

/** Who looks on while a run goes, and what may end it. */
export interface RunControl {
  /** Told of the run while it goes. */
  readonly observers?: readonly TrainingObserver[];
  /** Once aborted, the run ends before its next step. It is saved first where there are to be checkpoints; else nothing is written. */
  readonly signal?: StopSignal | undefined;
  /** Save it then in any case. */
  readonly savesCancelled?: boolean;
  /** Files that the options come from, by names for messages: they are not replaced by the result. */
  readonly optionFiles?: Readonly<Record<string, string>>;
  /**
   * Run in a thread of its own, so that this one goes on answering. Rows of a program are copied to it; observers are told a moment
   * later, and may not have what the run would wait for (`onUpdate`, `betweenSteps`, `reasonToStop`, `onCancel`). By default false.
   */
  readonly worker?: boolean;
}
