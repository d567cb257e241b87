import { z } from "zod";
import { count, flag, numeric } from "./option-types.js";

/** The steps of a run: how many, of what size and at what rate, and what is looked at between them. */
export const trainingSchema = z.object({
  learningRate: numeric(z.coerce.number().positive())
    .optional()
    .meta(flag("highest learning rate (default: 3e-4 for nanoadam, 5e-5 for adamw)", "X")),
  epochs: numeric(z.coerce.number().positive())
    .optional()
    .meta(flag("passes over the training data (default: 3)", "N")),
  steps: count.optional().meta(flag("optimizer steps, instead of --epochs", "N")),
  batchSize: count.default(32).meta(flag("examples that run together", "N")),
  accumulate: count.default(1).meta(flag("batches whose gradients make one step", "N")),
  schedule: z
    .enum(["linear", "cosine", "constant"])
    .default("linear")
    .meta(flag("how the learning rate falls after the warm-up")),
  warmup: numeric(z.coerce.number().min(0))
    .default(0)
    .meta(flag("warm-up steps, or their share of all steps if below 1", "X")),
  clip: numeric(z.coerce.number().min(0))
    .default(1)
    .meta(flag("largest norm of the gradients; 0 for no clipping", "X")),
  dropout: numeric(z.coerce.number().min(0).lt(1))
    .optional()
    .meta(flag("dropout rate instead of the model's own", "X")),
  checkpointing: z
    .enum(["none", "stage"])
    .default("none")
    .meta(flag("keep all activations, or only each stage's input and compute the rest again: less memory, more time")),
  sampledBelow: numeric(z.coerce.number().min(0).max(1))
    .optional()
    .meta(
      flag("density up to which only the selected entries of a gradient are computed; 0: never (default: 0.12)", "X"),
    ),
  evalEvery: count.optional().meta(flag("steps between evaluations (default: every epoch)", "N")),
  logEvery: count.optional().meta(flag("steps between lines of metrics.jsonl (default: 1/100 of the run)", "N")),
  threads: count.optional().meta(flag("processor threads (default: one a physical core)", "N")),
  seed: numeric(z.coerce.number().int().min(0)).default(42).meta(flag("seed of everything random", "N")),
});

export type TrainingOptions = z.output<typeof trainingSchema>;
