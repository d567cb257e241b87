/**
 * Texts that grow: each row's tokens, and the cache of their keys and values, so that a pass takes in new tokens only. A pass is of
 * a power of two of tokens, over a cache of a power of two of places, so that few programs serve all lengths.
 */
import { type Batch, int32Tensor } from "../data/batch.js";
import { rowsOf } from "../tasks/logits.js";
import { KeyValueCache } from "./key-value-cache.js";
import type { ProgramCache } from "./program-cache.js";

/** Tokens of all rows that a pass takes in, at most: as many as use the processor well, and take no more memory. */
const mostTokens = 512;
/** Tokens of a row that a pass takes in, at least, where it is more than one. */
const leastTokens = 8;

export class Decoding {
  readonly #programs: ProgramCache;
  readonly #cache: KeyValueCache;
  #tokens: number[][];
  /** For each row the logits of the token that follows its last one. */
  #logits: Float32Array[];

  /** @param rows how many texts grow together */
  constructor(programs: ProgramCache, rows: number) {
    this.#programs = programs;
    this.#cache = new KeyValueCache(rows);
    this.#tokens = Array.from({ length: rows }, () => []);
    this.#logits = Array.from({ length: rows }, () => new Float32Array());
  }

  get rows(): number {
    return this.#tokens.length;
  }

  /** Bytes of keys and values. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  /** Each row's tokens, all of which the model has taken in. */
  get tokens(): readonly (readonly number[])[] {
    return this.#tokens;
  }

  /**
   * The logits of what follows each row's last token. They are valid until the next pass, and may be changed.
   */
  get logits(): readonly Float32Array[] {
    return this.#logits;
  }

  /**
   * Puts tokens behind those of each row; none leave a row as it is, its logits too.
   * @throws Error where the model was released
   */
  async append(tokens: readonly ArrayLike<number>[]): Promise<void> {
    const most = tokens.reduce((length, own) => Math.max(length, own.length), 0);
    this.#cache.reserve(tokens.reduce((room, own, row) => Math.max(room, this.#lengthOf(row) + own.length), 0));
    const piece = Math.max(leastTokens, 2 ** Math.floor(Math.log2(mostTokens / this.rows)));
    for (let start = 0; start < most; start += piece) {
      const parts = tokens.map((own) => Array.from(own).slice(start, start + piece));
      await this.#pass(parts);
      for (const [row, part] of parts.entries()) this.#tokens[row]?.push(...part);
    }
  }

  /**
   * Makes a row's tokens these, of which the first that it has already are kept; the last is taken in anew in any case, so that
   * there are its logits.
   */
  async continueTo(row: number, tokens: ArrayLike<number>): Promise<void> {
    const held = this.#tokens[row] ?? [];
    let common = 0;
    while (common < held.length && common < tokens.length - 1 && held[common] === tokens[common]) common++;
    this.#cache.cut(row, common);
    held.length = common;
    const rest = Array.from(tokens).slice(common);
    await this.append(this.#tokens.map((_, other) => (other === row ? rest : [])));
  }

  /** Goes on with the rows `chosen`, in this order, each as often as it is named. */
  choose(chosen: readonly number[]): void {
    this.#cache.choose(chosen);
    this.#tokens = chosen.map((row) => [...(this.#tokens[row] ?? [])]);
    this.#logits = chosen.map((row) => (this.#logits[row] ?? new Float32Array()).slice());
  }

  #lengthOf(row: number): number {
    return this.#tokens[row]?.length ?? 0;
  }

  /** One pass over at most a piece of new tokens for each row. */
  async #pass(parts: readonly (readonly number[])[]): Promise<void> {
    const cache = this.#cache;
    const added = Int32Array.from(parts, ({ length }) => length);
    const most = added.reduce((length, own) => Math.max(length, own), 0);
    const length = most === 1 ? 1 : Math.max(leastTokens, 2 ** Math.ceil(Math.log2(most)));
    const keys = cache.capacity + length;
    const ids = new Int32Array(this.rows * length);
    const mask = new Int32Array(this.rows * keys);
    for (const [row, part] of parts.entries()) {
      ids.set(part, row * length);
      mask.fill(1, row * keys, row * keys + (cache.lengths[row] ?? 0));
      mask.fill(1, row * keys + cache.capacity, row * keys + cache.capacity + part.length);
    }
    const last = parts.map((part, row) => row * length + Math.max(0, part.length - 1));
    const batch: Batch = {
      tensors: new Map([
        ["input_ids", int32Tensor(ids, [this.rows, length])],
        ["attention_mask", int32Tensor(mask, [this.rows, keys])],
        ["predicted_positions", int32Tensor(Int32Array.from(last), [this.rows])],
      ]),
      weight: 1,
    };
    const run = async (program: Parameters<Parameters<ProgramCache["use"]>[1]>[0]) => {
      cache.begin(added);
      await program.forward();
      cache.end();
      const logits = program.logits();
      for (const [row, own] of rowsOf(logits, logits.length / this.rows).entries()) {
        if (added[row] !== 0) this.#keepLogits(row, own);
      }
    };
    await this.#programs.use(batch, run, cache);
  }

  #keepLogits(row: number, logits: Float32Array): void {
    const kept = this.#logits[row];
    if (kept?.length === logits.length) kept.set(logits);
    else this.#logits[row] = logits.slice();
  }
}
