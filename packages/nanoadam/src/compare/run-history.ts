/** What a run's process told on its way, in so few points that hundreds of runs fit a page. */
import { z } from "zod";
import type { RunReport } from "./run-report.js";

export const runHistorySchema = z.object({
  /** The training loss, each a mean over the steps since the one before. */
  losses: z.array(z.object({ step: z.number(), loss: z.number() })),
  evaluations: z.array(z.object({ step: z.number(), figures: z.record(z.string(), z.number().nullable()) })),
});

export type RunHistory = z.output<typeof runHistorySchema>;

const mostLosses = 50;

/** Gathers a history from reports, in the order in which they come. */
export function runHistory(): { readonly add: (report: RunReport) => void; readonly history: RunHistory } {
  const history: RunHistory = { losses: [], evaluations: [] };
  let [sum, count] = [0, 0];
  return {
    history,
    add({ step, totalSteps, loss, evaluation }) {
      if (evaluation !== undefined) history.evaluations.push({ step, figures: evaluation });
      if (loss === undefined || loss === null) return;
      sum += loss;
      count++;
      if (count < totalSteps / mostLosses && step < totalSteps) return;
      history.losses.push({ step, loss: sum / count });
      [sum, count] = [0, 0];
    },
  };
}
