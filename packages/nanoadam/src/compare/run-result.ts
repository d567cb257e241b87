import { z } from "zod";
import { type RunHistory, runHistorySchema } from "./run-history.js";
import type { Run } from "./schedule.js";

const figures = z.record(z.string(), z.number().nullable());

/** The fields of a run's summary that a comparison reads; the others are kept unread. */
const summarySchema = z.looseObject({
  parameters: z.looseObject({ everChanged: z.looseObject({ share: z.number() }), meanShift: z.number() }),
  evaluation: z.looseObject({ final: figures }),
  retained: z.looseObject({ task: z.string(), before: figures.optional(), final: figures }).optional(),
  wallSeconds: z.number(),
  stepMilliseconds: z.number(),
  peakRssBytes: z.number(),
  optimizerStateBytes: z.number(),
});

const runShape = {
  optimizer: z.string(),
  learningRate: z.number(),
  seed: z.number(),
  /** Runs that went at a time. */
  jobs: z.number(),
};

const finishedRunSchema = z.object({ ...runShape, summary: summarySchema, history: runHistorySchema.optional() });

/** A run without a result: why, and whether its loss or gradients stopped being finite. */
const failedRunSchema = z.object({ ...runShape, failure: z.string(), diverged: z.boolean() });

/** The content of a file of the `runs` folder. */
export const runResultSchema = z.union([finishedRunSchema, failedRunSchema]);

export type FinishedRun = z.output<typeof finishedRunSchema>;
export type FailedRun = z.output<typeof failedRunSchema>;
export type RunResult = z.output<typeof runResultSchema>;

export function isFinished(result: RunResult): result is FinishedRun {
  return "summary" in result;
}

/** The result of a run whose process ended well and printed its summary. */
export function finishedRun(run: Run, jobs: number, printed: string, history?: RunHistory): FinishedRun {
  const summary = summarySchema.parse(JSON.parse(printed));
  return { ...run, jobs, summary, ...(history === undefined ? {} : { history }) };
}
