import { z } from "zod";
import { count, countTo, flag, path } from "./option-types.js";

/** How far the paper's theory is repeated. */
export interface TheoryInput {
  /** Folder of the page and its numbers; by default `theory`. */
  readonly output?: string | undefined;
  /** Students, each with data of its own; by default 10, as in the paper. */
  readonly seeds?: number | undefined;
  /** Steps of pretraining, and again of fine-tuning; by default 10,000, as in the paper. */
  readonly steps?: number | undefined;
  /** Processor threads; by default one for each physical core. */
  readonly threads?: number | undefined;
}

export const theorySchema = z
  .object({
    output: path.default("theory").meta(flag("folder of the page and its numbers", "DIR")),
    seeds: countTo(1000).default(10).meta(flag("students, each with data of its own", "N")),
    steps: count.default(10_000).meta(flag("steps of pretraining, and again of fine-tuning", "N")),
    threads: countTo(1024).optional().meta(flag("processor threads (default: one a physical core)", "N")),
  })
  .strict();

export type TheoryOptions = z.output<typeof theorySchema>;
