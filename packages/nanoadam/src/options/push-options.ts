/** The options of what is sent to the Hugging Face Hub. */
import { z } from "zod";
import { flag, path } from "./option-types.js";

export interface PushInput {
  /** The folder of the model. */
  readonly model: string;
  /** `org/name`. */
  readonly to: string;
  /** For whom it is, where it is new. By default everyone. */
  readonly isPrivate?: boolean | undefined;
}

export const pushSchema = z
  .object({
    model: path.meta(flag("model folder", "DIR")),
    to: z.string().min(1).meta(flag("where to, on the Hub", "ORG/NAME")),
    isPrivate: z.boolean().default(false).meta(flag("only for those who may")),
  })
  .strict();
