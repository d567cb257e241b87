import { z } from "zod";
import { flag, path } from "./option-types.js";

/** Over what the smallest weights are counted. */
export const pruneScopes = ["tensor", "model"] as const;

/** A checkpoint to be pruned by magnitude. */
export interface PruneInput {
  /** The checkpoint's folder. */
  readonly model: string;
  /** The folder to write the pruned checkpoint to. */
  readonly output: string;
  /** The share of the pruned tensors' weights that become 0, the smallest; by default 0.8. */
  readonly share?: number | undefined;
  /** Whether that is the share of each tensor (`tensor`, the default), or of all together (`model`). */
  readonly scope?: (typeof pruneScopes)[number] | undefined;
  /** Prune tables of embeddings, too. By default false. */
  readonly embeddings?: boolean | undefined;
  /** Prune the matrices of the head, too. By default false. */
  readonly head?: boolean | undefined;
  /** Replace an output folder that is not empty. By default false. */
  readonly overwrite?: boolean | undefined;
}

export const pruneSchema = z
  .object({
    model: path.meta(flag("checkpoint folder", "DIR")),
    output: path.meta(flag("folder to write the pruned checkpoint to", "DIR")),
    share: z.number().gt(0).lt(1).default(0.8).meta(flag("share of the weights that become 0, the smallest", "X")),
    scope: z.enum(pruneScopes).default("tensor").meta(flag("the smallest of each tensor, or of all together")),
    embeddings: z.boolean().default(false).meta(flag("prune tables of embeddings, too")),
    head: z.boolean().default(false).meta(flag("prune the matrices of the head, too")),
    overwrite: z.boolean().default(false).meta(flag("replace an output folder that is not empty")),
  })
  .strict();

export type PruneOptions = z.output<typeof pruneSchema>;
