import { z } from "zod";
import { flag } from "./option-types.js";

/** How a run is watched. */
export const watchSchema = z
  .object({
    port: z
      .number()
      .int()
      .min(0)
      .max(65535)
      .default(0)
      .meta(flag("port to serve the page on (default: one that is free)", "N")),
  })
  .strict();
