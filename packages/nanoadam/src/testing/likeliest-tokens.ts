/** Greedy generation in the plainest way: each token is computed anew from all before it. */
import { type Batch, int32Tensor } from "../data/batch.js";
import type { ProgramCache } from "../program/program-cache.js";
import { argmax, rowsOf } from "../tasks/logits.js";

/** Prompts of one length, which padding on the left may fill: [texts * width] each. */
export interface Prompts {
  readonly width: number;
  readonly ids: ArrayLike<number>;
  /** 1 at tokens, 0 at padding. */
  readonly mask: ArrayLike<number>;
}

/** The prompts with so many of the likeliest tokens behind them, as rows of `width + count`. */
export async function likeliestTokens(
  programs: ProgramCache,
  { width, ids: given, mask }: Prompts,
  count: number,
): Promise<Int32Array> {
  const [texts, length] = [given.length / width, width + count];
  const ids = new Int32Array(texts * length);
  const attention = new Int32Array(texts * length);
  for (let place = 0; place < given.length; place++) {
    const target = Math.floor(place / width) * length + (place % width);
    ids[target] = given[place] ?? 0;
    attention[target] = mask[place] ?? 0;
  }
  // All batches are of one size, so that one program does: what is not there yet is padding.
  for (let next = width; next < length; next++) {
    const positions = Int32Array.from({ length: texts }, (_, text) => text * length + next - 1);
    const batch: Batch = {
      tensors: new Map([
        ["input_ids", int32Tensor(ids, [texts, length])],
        ["attention_mask", int32Tensor(attention, [texts, length])],
        ["predicted_positions", int32Tensor(positions, [texts])],
      ]),
      weight: 1,
    };
    await programs.use(batch, async (program) => {
      await program.forward();
      const logits = program.logits();
      for (const [text, own] of rowsOf(logits, logits.length / texts).entries()) {
        ids[text * length + next] = argmax(own);
        attention[text * length + next] = 1;
      }
    });
  }
  return ids;
}
