import { z } from "zod";
import { flag } from "./option-types.js";

/** What is looked at while a run goes. */
export interface AnalysisInput {
  /** Look at weights and gradients on the way, and write `analysis.json` and `analysis.html` with the result. By default false. */
  readonly analyze?: boolean | undefined;
  /** After which steps: numbers of steps, or parts of the run as `10%`, in a list or in one text with commas. By default 0,10%,50%,100%. */
  readonly at?: string | number | readonly (string | number)[] | undefined;
}

const expected = "steps (0,500,2000) or parts of the run (0,10%,50%,100%)";

/** A number of steps. */
const steps = z.number().max(1e9);

/** The same, or a percentage of all. */
const place = z
  .union([z.string(), steps])
  .transform((value) => String(value).trim())
  .pipe(z.string().regex(/^(\d{1,9}|100%|\d{1,2}(\.\d+)?%)$/, { error: expected }));

export const atSchema = z
  .union([z.string(), steps, z.array(z.union([z.string(), steps])).readonly()], { error: expected })
  .transform((value) => (typeof value === "object" ? [...value] : String(value).split(",")))
  .pipe(z.array(place, { error: expected }).min(1).max(1000));

export const analysisSchema = z.object({
  analyze: z
    .boolean()
    .default(false)
    .meta(flag("look at weights and gradients on the way, and write a page about them")),
  at: atSchema
    .optional()
    .meta(flag("after which steps, or parts of the run, to look (default: 0,10%,50%,100%)", "LIST")),
});

export type AnalysisOptions = z.output<typeof analysisSchema>;

export const defaultPlaces: readonly string[] = ["0", "10%", "50%", "100%"];
