/**
 * The part of the gradient that MicroAdam leaves out of a step, in four bits an entry: each bucket of entries has a
 * least and a largest value, and an entry is the nearest of sixteen numbers evenly spaced between them.
 */
export class PackedError {
  /** Two entries a byte, the first in the low half. */
  readonly codes: Uint8Array;
  /** The least and the largest value of each bucket. */
  readonly ranges: Float32Array;
  readonly #bucketSize: number;

  /** @param bucketSize entries per bucket, an even number; the last bucket may be shorter */
  constructor(length: number, bucketSize: number) {
    this.codes = new Uint8Array(Math.ceil(length / 2));
    this.ranges = new Float32Array(2 * Math.ceil(length / bucketSize));
    this.#bucketSize = bucketSize;
  }

  bytes(): number {
    return this.codes.byteLength + this.ranges.byteLength;
  }

  /** Writes the entries from `start`, the first of a bucket, to `out[0 .. length)`. */
  widen(start: number, length: number, out: Float32Array): void {
    for (let from = 0; from < length; from += this.#bucketSize) {
      const bucket = (start + from) / this.#bucketSize;
      const least = this.ranges[2 * bucket] as number;
      const unit = this.#unit(bucket);
      const end = Math.min(from + this.#bucketSize, length);
      for (let index = from; index < end; index++) {
        const entry = start + index;
        const pair = this.codes[entry >> 1] as number;
        const code = entry % 2 === 0 ? pair & 15 : pair >> 4;
        out[index] = Math.fround(code * unit) + least;
      }
    }
  }

  /** Stores `values[0 .. length)` as the entries from `start`, the first of a bucket. */
  narrow(start: number, length: number, values: Float32Array): void {
    for (let from = 0; from < length; from += this.#bucketSize) {
      const bucket = (start + from) / this.#bucketSize;
      const end = Math.min(from + this.#bucketSize, length);
      let [least, largest] = [Infinity, -Infinity];
      for (let index = from; index < end; index++) {
        const value = values[index] as number;
        if (value < least) least = value;
        if (value > largest) largest = value;
      }
      this.ranges[2 * bucket] = least;
      this.ranges[2 * bucket + 1] = largest;
      const unit = this.#unit(bucket);
      for (let index = from; index < end; index++) {
        const above = Math.fround((values[index] as number) - least);
        const code = unit === 0 ? 0 : Math.min(15, Math.floor(Math.fround(Math.fround(above / unit) + 0.5)));
        const entry = start + index;
        const pair = this.codes[entry >> 1] as number;
        this.codes[entry >> 1] = entry % 2 === 0 ? (pair & 0xf0) | code : (pair & 0x0f) | (code << 4);
      }
    }
  }

  /** The step between the sixteen numbers of a bucket, in float32. */
  #unit(bucket: number): number {
    const least = this.ranges[2 * bucket] as number;
    const largest = this.ranges[2 * bucket + 1] as number;
    return Math.fround(Math.fround(largest - least) / 15);
  }
}
