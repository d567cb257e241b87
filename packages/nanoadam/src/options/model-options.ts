import { z } from "zod";
import { type WeightStorage, weightStorages } from "../checkpoint/pretrained.js";
import { flag, path } from "./option-types.js";

/** Where a run starts from, and how its weights are held. */
export interface ModelInput {
  /**
   * The checkpoint's folder in Hugging Face layout; or `demo`, where there is no folder of that name: the small encoder that comes with
   * the package.
   */
  readonly model: string;
  /**
   * How linear layers and embeddings are held: `keep` holds in bfloat16 what came in it, the others all in one type. Selected
   * entries keep their full precision. By default `keep`.
   */
  readonly weights?: WeightStorage | undefined;
  /** Start from random weights, with the checkpoint's configuration and tokenizer only. By default false. */
  readonly fromScratch?: boolean | undefined;
}

export const modelSchema = z.object({
  model: path.meta(
    flag("checkpoint folder in Hugging Face layout, or demo: a small one that comes with nanoadam", "DIR"),
  ),
  weights: z
    .enum(weightStorages)
    .default("keep")
    .meta(
      flag(
        "how linear layers and embeddings are held: in bfloat16 what came in it, or all in one of these; selected entries keep their full precision",
      ),
    ),
  fromScratch: z
    .boolean()
    .default(false)
    .meta(flag("start from random weights, with the checkpoint's configuration and tokenizer only")),
});

export type ModelOptions = z.output<typeof modelSchema>;
