/** What was measured of a sequence of tasks so far, as its folder keeps it. */
import { z } from "zod";
import type { Evaluation } from "../train/evaluation.js";
import type { BodyShift } from "./measure.js";

/** JSON has no NaN. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const evaluation = z
  .record(z.string(), figure)
  .refine(({ loss }) => loss !== undefined, "expected a loss")
  .transform((figures) => figures as Evaluation);

const shift: z.ZodType<BodyShift> = z.object({
  mean: z.number(),
  overall: z.number(),
  changedShare: z.number(),
  layers: z.array(z.object({ layer: z.string(), mean: z.number(), tensors: z.record(z.string(), z.number()) })),
});

const measurementSchema = z.object({
  /** The task that was measured, and the kind that it is of. */
  of: z.string(),
  task: z.string(),
  /** The task that was learned meanwhile, or just before; null before any. */
  during: z.string().nullable(),
  /** The steps of that which were taken; null once it was done. */
  step: z.number().nullable(),
  evaluation,
});

export const stateSchema = z.object({
  measurements: z.array(measurementSchema),
  /** By the name of the task after which they were measured. */
  shifts: z.record(z.string(), shift),
});

/** A task measured on a body that is not that of its own run. */
export type Measurement = z.output<typeof measurementSchema>;
export type ContinualState = z.output<typeof stateSchema>;
