import { reportLine } from "../compare/run-report.js";
import type { TrainingObserver } from "../train/observer.js";
import type { OutputStream } from "./terminal.js";

/** The progress of a run for another program, `compare` for one: a JSON object a line. */
export function progressReporter(stream: OutputStream): TrainingObserver {
  let totalSteps = 0;
  return {
    onStart(start) {
      totalSteps = start.totalSteps;
      stream.write(reportLine({ step: 0, totalSteps }));
    },
    onStep({ step, loss }) {
      stream.write(reportLine({ step, totalSteps, loss }));
    },
    onEvaluation({ step, eval: figures }) {
      stream.write(reportLine({ step, totalSteps, evaluation: { ...figures } }));
    },
  };
}
