/**
 * Eight-bit codes for the moments of AdamW-8bit (Dettmers et al. 2022, dynamic quantisation; docs/method.md, section
 * 5): a block of values is its largest magnitude and, for each value, the nearest of 256 numbers between -1 and 1. The
 * numbers are dense near 0: seven decades, each with twice as many as the one below.
 */

const decades = 7;

/** The midpoints of `count` numbers evenly spaced from 0.1 to 1. */
function midpoints(count: number): number[] {
  const at = (index: number) => 0.1 + (0.9 * index) / (count - 1);
  return Array.from({ length: count - 1 }, (_, index) => (at(index) + at(index + 1)) / 2);
}

/**
 * The 256 numbers that codes stand for, ascending.
 *
 * @param isSigned whether half of them are negative, for a first moment; a second moment has none
 */
export function codeValues(isSigned: boolean): Float32Array {
  const numbers = [0, 1];
  for (let decade = 0; decade < decades; decade++) {
    const count = 2 ** (isSigned ? decade : decade + 1) + 1;
    for (const midpoint of midpoints(count)) {
      const number = midpoint * 10 ** (decade - decades + 1);
      numbers.push(number);
      if (isSigned) numbers.push(-number);
    }
  }
  return Float32Array.from(numbers).sort();
}

/** Bits of a float32 below the sign, the exponent and the six highest of the fraction. */
const bucketShift = 17;

/** A map between numbers within -1 and 1 and their codes. */
export class CodeMap {
  readonly values: Float32Array;
  /** Between each code and the next. */
  readonly #boundaries: Float64Array;
  /** The code of the number whose bits are a bucket's alone: the search for any number in the bucket starts there. */
  readonly #codeOfBucket: Uint8Array;
  readonly #number = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#number.buffer);

  constructor(isSigned: boolean) {
    const values = codeValues(isSigned);
    this.values = values;
    this.#boundaries = Float64Array.from({ length: values.length - 1 }, (_, code) => {
      return ((values[code] as number) + (values[code + 1] as number)) / 2;
    });
    this.#codeOfBucket = new Uint8Array(2 ** (32 - bucketShift)).map((_, bucket) => {
      this.#bits[0] = bucket << bucketShift;
      return this.#search(this.#number[0] as number, 0);
    });
  }

  /** The code of 0. */
  get zero(): number {
    return this.nearest(0);
  }

  /** The code of the number nearest to a value within -1 and 1; of two equally near, that of smaller magnitude. */
  nearest(value: number): number {
    this.#number[0] = value;
    return this.#search(value, this.#codeOfBucket[(this.#bits[0] as number) >>> bucketShift] as number);
  }

  #search(value: number, start: number): number {
    const boundaries = this.#boundaries;
    let code = start;
    while (code < boundaries.length && value > (boundaries[code] as number)) code++;
    while (code > 0 && value < (boundaries[code - 1] as number)) code--;
    return code;
  }
}
