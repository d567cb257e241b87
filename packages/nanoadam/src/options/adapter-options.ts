import { z } from "zod";
import { count, flag, numeric } from "./option-types.js";

/** The adapter that is trained instead of the weights; none without `loraRank`. */
export const adapterSchema = z.object({
  loraRank: count.optional().meta(flag("train a LoRA adapter of this rank instead of the weights", "N")),
  loraAlpha: numeric(z.coerce.number().positive())
    .optional()
    .meta(flag("its scale is alpha over rank (default: twice the rank)", "X")),
  loraDropout: numeric(z.coerce.number().min(0).lt(1))
    .default(0)
    .meta(flag("dropout of what goes into the adapter", "X")),
  loraTargets: z
    .union([z.string(), z.array(z.string())])
    .transform((value) => (typeof value === "string" ? value.split(",") : value))
    .pipe(z.array(z.string().min(1)).min(1))
    .optional()
    .meta(flag("layers with an adapter, or all-linear (default: query and value projections)", "NAME,...")),
});

export type AdapterOptions = z.output<typeof adapterSchema>;
