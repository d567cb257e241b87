/**
 * The keys and values of earlier tokens, which generation needs and does not compute again: for each layer two tensors
 * [rows, heads, capacity, size]. A row is a text, and holds as many tokens as it has, one after another from the first place on.
 * The capacity grows by doubling, so that as many programs are compiled as there are doublings. It may be cut back, which is how
 * a conversation keeps what its turns have in common, and its rows may be chosen anew, which is what beams do.
 */

/** A cached tensor of one layer. */
export interface CachedTensor {
  /** [rows, heads, capacity, size] */
  readonly values: Float32Array;
  readonly heads: number;
  /** Entries of one token. */
  readonly size: number;
}

const leastCapacity = 64;

export class KeyValueCache {
  readonly #tensors = new Map<string, CachedTensor>();
  #lengths: Int32Array;
  #capacity = leastCapacity;
  #generation = 0;
  /** How many of the tokens of a pass, its first, each row adds. */
  #added: Int32Array;
  #scratch = new Float32Array();

  constructor(rows: number) {
    this.#lengths = new Int32Array(rows);
    this.#added = new Int32Array(rows);
  }

  get rows(): number {
    return this.#lengths.length;
  }

  /** Places for tokens in each row: a power of two. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Tokens that each row holds. */
  get lengths(): Int32Array {
    return this.#lengths;
  }

  /** Counts the replacements of memory; tensors of an earlier generation are stale. */
  get generation(): number {
    return this.#generation;
  }

  get bytes(): number {
    return [...this.#tensors.values()].reduce((sum, { values }) => sum + values.byteLength, this.#scratch.byteLength);
  }

  /** The tensor of a name, made when it is first asked for; `shape` [rows, heads, tokens, size] is that of what is added to it. */
  tensor(name: string, [, heads = 0, , size = 0]: readonly number[]): CachedTensor {
    const known = this.#tensors.get(name);
    if (known !== undefined) return known;
    const made = { values: new Float32Array(this.rows * heads * this.#capacity * size), heads, size };
    this.#tensors.set(name, made);
    return made;
  }

  /** Makes room for as many tokens in each row. */
  reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const [before, capacity] = [this.#capacity, 2 ** Math.ceil(Math.log2(tokens))];
    for (const [name, { values, heads, size }] of this.#tensors) {
      const grown = new Float32Array(this.rows * heads * capacity * size);
      for (let head = 0; head < this.rows * heads; head++) {
        const filled = (this.#lengths[Math.floor(head / heads)] ?? 0) * size;
        const start = head * before * size;
        grown.set(values.subarray(start, start + filled), head * capacity * size);
      }
      this.#tensors.set(name, { values: grown, heads, size });
    }
    this.#capacity = capacity;
    this.#generation++;
  }

  /** Begins a pass of which each row adds so many tokens, its first. */
  begin(added: Int32Array): void {
    this.#added = added;
  }

  /** Puts a layer's keys or values [rows, heads, tokens, size] of the pass behind those that a tensor holds. */
  add({ values, heads, size }: CachedTensor, added: Float32Array): void {
    const tokens = added.length / (this.rows * heads * size);
    for (let head = 0; head < this.rows * heads; head++) {
      const row = Math.floor(head / heads);
      const start = head * tokens * size;
      const place = head * this.#capacity + (this.#lengths[row] ?? 0);
      values.set(added.subarray(start, start + (this.#added[row] ?? 0) * size), place * size);
    }
  }

  /** Ends the pass: what was added counts. */
  end(): void {
    this.#lengths = this.#lengths.map((length, row) => length + (this.#added[row] ?? 0));
  }

  /** Forgets the tokens of a row from the place `length` on. */
  cut(row: number, length: number): void {
    this.#lengths[row] = Math.min(length, this.#lengths[row] ?? 0);
  }

  /** The rows `chosen`, in this order, each as often as it is named. */
  choose(chosen: readonly number[]): void {
    const isSameCount = chosen.length === this.rows;
    if (isSameCount && chosen.every((from, row) => from === row)) return;
    for (const [name, tensor] of this.#tensors) {
      const rowSize = tensor.heads * this.#capacity * tensor.size;
      const source = isSameCount ? this.#copied(tensor.values) : tensor.values;
      const values = isSameCount ? tensor.values : new Float32Array(chosen.length * rowSize);
      for (const [row, from] of chosen.entries()) {
        if (isSameCount && row === from) continue;
        values.set(source.subarray(from * rowSize, (from + 1) * rowSize), row * rowSize);
      }
      this.#tensors.set(name, { ...tensor, values });
    }
    this.#lengths = Int32Array.from(chosen, (from) => this.#lengths[from] ?? 0);
    this.#added = new Int32Array(chosen.length);
    if (!isSameCount) this.#generation++;
  }

  /** The values in memory that is used again. */
  #copied(values: Float32Array): Float32Array {
    if (this.#scratch.length < values.length) this.#scratch = new Float32Array(values.length);
    this.#scratch.set(values);
    return this.#scratch;
  }
}
