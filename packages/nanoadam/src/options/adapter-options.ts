import { z } from "zod";
import { countTo, factor, flag, names } from "./option-types.js";

/** The adapter that is trained instead of the weights; none without `loraRank`. */
export interface AdapterInput {
  /** Train a LoRA adapter of this rank instead of the weights. */
  readonly loraRank?: number | undefined;
  /** The adapter's output is scaled by alpha over rank; by default twice the rank. */
  readonly loraAlpha?: number | undefined;
  /** Scale it by alpha over the root of the rank (rsLoRA). By default false. */
  readonly useRslora?: boolean | undefined;
  /** Train the lengths of a weight's rows apart from their directions (DoRA). By default false. */
  readonly useDora?: boolean | undefined;
  /** The dropout rate of what goes into the adapter; by default 0. */
  readonly loraDropout?: number | undefined;
  /** Names, or endings of names, of the layers that are adapted, or `all-linear`; by default query and value projections. */
  readonly loraTargets?: string | readonly string[] | undefined;
}

/** An adapter of this rank has more weights than a layer 2048 wide; the model's width is a bound too (`models/lora.ts`). */
const mostRank = 1024;

export const adapterSchema = z.object({
  loraRank: countTo(mostRank).optional().meta(flag("train a LoRA adapter of this rank instead of the weights", "N")),
  loraAlpha: factor.optional().meta(flag("its scale is alpha over rank (default: twice the rank)", "X")),
  useRslora: z.boolean().default(false).meta(flag("scale the adapter by alpha over the root of its rank (rsLoRA)")),
  useDora: z.boolean().default(false).meta(flag("train lengths of the weights' rows apart from directions (DoRA)")),
  loraDropout: z.number().min(0).lt(1).default(0).meta(flag("dropout of what goes into the adapter", "X")),
  loraTargets: names
    .pipe(z.array(z.string().min(1)).min(1))
    .optional()
    .meta(flag("layers with an adapter, or all-linear (default: query and value projections)", "NAME,...")),
});

export type AdapterOptions = z.output<typeof adapterSchema>;
