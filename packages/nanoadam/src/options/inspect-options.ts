import { z } from "zod";
import { flag, fraction } from "./option-types.js";

/** A checkpoint to be looked at. */
export interface InspectInput {
  /** The folder of a checkpoint or an adapter, or `demo`. */
  readonly model: string;
  /** The density at which is told what would be selected; by default 0.1. */
  readonly density?: number | undefined;
}

export const inspectSchema = z
  .object({
    model: z.string().min(1).meta(flag("checkpoint folder", "DIR")),
    density: fraction.default(0.1).meta(flag("density at which is told what would be selected", "X")),
  })
  .strict();
