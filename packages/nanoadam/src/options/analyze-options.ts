import { z } from "zod";
import { type FinetuneInput, finetuneSchema } from "./finetune-options.js";
import { flag } from "./option-types.js";

/** What only matters for a model that is written. */
const ofModel = { analyze: true, saveDtype: true, saveEvery: true, keep: true, bestBy: true, patience: true } as const;

/** A run that is looked at, and writes no model: the options of `finetune` but for those of what it writes. */
export type AnalyzeInput = Omit<FinetuneInput, keyof typeof ofModel>;

const { output, ...others } = z.object(finetuneSchema.shape).omit(ofModel).shape;

export const analyzeSchema = z
  .object({
    ...others,
    output: output.meta(flag("folder to write the analysis to (default: reviews-analysis for reviews.csv)", "DIR")),
  })
  .strict();
