/** The options of what is kept of a fine-tuned model beside its base. */
import { z } from "zod";
import { flag, path } from "./option-types.js";

export interface DeltaInput {
  /** The folder of the fine-tuned model. */
  readonly model: string;
  /** The folder of the model that it was made from. */
  readonly base: string;
  /** The file to write, `.safetensors`, or an existing folder for it. */
  readonly output: string;
  /** Replace a file that is there. By default false. */
  readonly overwrite?: boolean | undefined;
}

export const deltaSchema = z
  .object({
    model: path.meta(flag("fine-tuned model folder", "DIR")),
    base: path.meta(flag("the model that it was made from", "DIR")),
    output: path.meta(flag("file to write, or a folder for delta.safetensors", "FILE|DIR")),
    overwrite: z.boolean().default(false).meta(flag("replace a file that is there")),
  })
  .strict();

export interface ApplyInput {
  /** The folder of the model that the delta is of. */
  readonly base: string;
  /** The file that `writeDelta` wrote, or its folder. */
  readonly delta: string;
  /** The folder to write the model to. */
  readonly output: string;
  /** Replace an output folder that is not empty. By default false. */
  readonly overwrite?: boolean | undefined;
}

export const applySchema = z
  .object({
    base: path.meta(flag("the model that the delta is of", "DIR")),
    delta: path.meta(flag("what nanoadam delta wrote", "FILE|DIR")),
    output: path.meta(flag("folder to write the model to", "DIR")),
    overwrite: z.boolean().default(false).meta(flag("replace an output folder that is not empty")),
  })
  .strict();
