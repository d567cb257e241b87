/** How many tokens of each text are kept. */
export interface KeptLengths {
  readonly first: number;
  readonly second: number;
}

/**
 * Longest-first truncation: as many tokens as needed are taken from the right of the longer text, until both are equally
 * long, then from both in turn, so that `room` remain in total. Where both are cut and `room` is odd, the text that was
 * longer keeps one token more, and the second one if they were equally long: this is what Hugging Face's fast
 * tokenizers do (its slow ones favour the first). From version 0.23 on they do not look at tokens beyond `limit`, so that texts
 * longer than it count as equally long.
 *
 * @param limit the longest input, special tokens included
 */
export function truncateLongestFirst(first: number, second: number, room: number, limit: number): KeptLengths {
  if (first + second <= room) return { first, second };
  const shorter = Math.min(first, second);
  const half = Math.floor(room / 2);
  const kept = shorter <= half ? { shorter, longer: room - shorter } : { shorter: half, longer: room - half };
  return Math.min(first, limit) > Math.min(second, limit)
    ? { first: kept.longer, second: kept.shorter }
    : { first: kept.shorter, second: kept.longer };
}
