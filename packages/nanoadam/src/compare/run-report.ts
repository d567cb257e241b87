/** What a run's process tells while it goes on: a JSON object on a line of its standard error. */
import { z } from "zod";

const runReportSchema = z.object({
  /** 0 until the first step is done. */
  step: z.number(),
  totalSteps: z.number(),
  /** Of the step; absent before the first. */
  loss: z.number().nullish(),
  /** The figures of an evaluation after the step. */
  evaluation: z.record(z.string(), z.number().nullable()).optional(),
});

export type RunReport = z.output<typeof runReportSchema>;

/** The report that a line is; undefined for any other line. */
export function reportOf(line: string): RunReport | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return runReportSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** A report as a line. */
export function reportLine(report: RunReport): string {
  return `${JSON.stringify(report)}\n`;
}
