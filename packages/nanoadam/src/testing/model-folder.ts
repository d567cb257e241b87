/** Folders of whole tiny models whose weights are drawn: what a fine-tuning leaves, without one. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors } from "../checkpoint/write-safetensors.js";
import { int32Tensor } from "../data/batch.js";
import type { HeadSpecification } from "../models/model.js";
import { openModel } from "../recipes/open-model.js";
import { drawnModel, furtherEncoders } from "./further-encoders.js";
import { tinyPositions } from "./tiny-checkpoint.js";
import { type TokenizerFiles, wordPieceFiles } from "./tiny-tokenizer.js";

const sizes = {
  vocab_size: 48,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: tinyPositions,
};

/** A configuration of each encoder. */
export const tinyEncoders: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  bert: { ...sizes, model_type: "bert", pad_token_id: 0 },
  roberta: { ...sizes, model_type: "roberta", pad_token_id: 1, max_position_embeddings: tinyPositions + 2 },
  distilbert: {
    model_type: "distilbert",
    vocab_size: 48,
    dim: 16,
    n_layers: 2,
    n_heads: 2,
    hidden_dim: 32,
    max_position_embeddings: tinyPositions,
  },
  ...furtherEncoders,
};

export interface ModelFolder {
  readonly config: Readonly<Record<string, unknown>>;
  readonly head: HeadSpecification;
  /** What a task adds to the configuration. */
  readonly task?: Readonly<Record<string, unknown>>;
  readonly tokenizer?: TokenizerFiles;
  /** Changes weights before they are written. */
  readonly change?: (weights: Map<string, Float32Array>) => void;
}

/** The configuration's part of labels with these names. */
export function labelsConfig(names: readonly string[], problem?: string): Readonly<Record<string, unknown>> {
  return {
    id2label: Object.fromEntries(names.map((name, id) => [id, name])),
    label2id: Object.fromEntries(names.map((name, id) => [name, id])),
    ...(problem === undefined ? {} : { problem_type: problem }),
  };
}

export async function writeModelFolder(folder: string, options: ModelFolder): Promise<string> {
  const { config, head, task, tokenizer, change } = options;
  const { model, weights } = drawnModel(config, head);
  change?.(weights);
  await mkdir(folder, { recursive: true });
  await writeSafetensors(
    join(folder, "model.safetensors"),
    model.parameters.map(({ name, shape }) => ({
      name,
      shape,
      dtype: "F32",
      values: () => weights.get(name) ?? new Float32Array(),
    })),
  );
  const content = { ...config, architectures: [model.architecture], ...task };
  await writeFile(join(folder, "config.json"), JSON.stringify(content));
  for (const [file, text] of Object.entries(tokenizer ?? wordPieceFiles())) await writeFile(join(folder, file), text);
  return folder;
}

/** Texts of one length, row after row. */
export interface TokenRows {
  readonly texts: number;
  readonly length: number;
  readonly ids: ArrayLike<number>;
  readonly mask: ArrayLike<number>;
  readonly types?: ArrayLike<number> | undefined;
}

/** The logits that our own engine gives: of a head over the vocabulary at every position. */
export async function logitsOf(folder: string, { texts, length, ids, mask, types }: TokenRows): Promise<Float32Array> {
  const model = await openModel(folder, { threads: 1 });
  const tensor = (values: ArrayLike<number>) => int32Tensor(Int32Array.from(values), [texts, length]);
  const everyPlace = Int32Array.from({ length: texts * length }, (_, place) => place);
  try {
    const batch = {
      tensors: new Map([
        ["input_ids", tensor(ids)],
        ["attention_mask", tensor(mask)],
        ["token_type_ids", tensor(types ?? new Int32Array(texts * length))],
        ["predicted_positions", int32Tensor(everyPlace, [texts * length])],
      ]),
      weight: 1,
    };
    return await model.predictionPrograms.use(batch, async (program) => {
      await program.forward();
      return program.logits().slice();
    });
  } finally {
    await model.release();
  }
}
