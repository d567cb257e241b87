/**
 * A list that may become long. It grows by pieces: an array that grows is copied again and again, and the copies are memory until
 * everything is collected.
 */
export class LongList<Item> {
  readonly #pieces: (Item | undefined)[][] = [];
  #length = 0;

  /** The places up to the last one that has an item. */
  get length(): number {
    return this.#length;
  }

  at(place: number): Item | undefined {
    return this.#pieces[place >> bits]?.[place & mask];
  }

  /** Places may be left out, which have nothing then. */
  set(place: number, item: Item): void {
    for (let missing = this.#pieces.length; missing <= place >> bits; missing++) this.#pieces.push([]);
    const piece = this.#pieces[place >> bits];
    if (piece !== undefined) piece[place & mask] = item;
    this.#length = Math.max(this.#length, place + 1);
  }

  /** Gives the new length. */
  push(item: Item): number {
    this.set(this.#length, item);
    return this.#length;
  }
}

const bits = 12;
const mask = (1 << bits) - 1;
