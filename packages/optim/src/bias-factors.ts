/** Adam's moments start at 0; dividing by what they have seen of the gradients so far undoes that. */

/** Factors that undo the moments' start at 0: of the first moment, and of the root of the second. */
export interface BiasFactors {
  readonly first: number;
  readonly root: number;
}

/** The factors of Algorithm 1 as printed: no correction. */
export const noBiasCorrection: BiasFactors = { first: 1, root: 1 };

/** @param age updates that the moments have seen, this one included: from 1 */
export function biasFactorsAt(age: number, betas: readonly [number, number]): BiasFactors {
  return { first: 1 / (1 - betas[0] ** age), root: 1 / Math.sqrt(1 - betas[1] ** age) };
}

/** Factors of bias correction by age, as an update reads them. */
export interface BiasCorrectionTable {
  readonly first: Float64Array;
  readonly root: Float64Array;
}

/** The factors of one age at a time, for entries that share it: at index 0 of arrays that are kept. */
export class SharedBiasFactors {
  readonly #betas: readonly [number, number];
  readonly #table: BiasCorrectionTable = { first: Float64Array.of(1), root: Float64Array.of(1) };
  #age = 0;

  constructor(betas: readonly [number, number]) {
    this.#betas = betas;
  }

  /** @param age updates that the moments have seen, this one included: from 1; 0 for no correction */
  at(age: number): BiasCorrectionTable {
    if (this.#age === age) return this.#table;
    const { first, root } = age === 0 ? noBiasCorrection : biasFactorsAt(age, this.#betas);
    this.#table.first[0] = first;
    this.#table.root[0] = root;
    this.#age = age;
    return this.#table;
  }
}

/** Ages are kept in 16 bits. An entry that is older counts as this old: by then the correction has long faded. */
export const oldestAge = 65_535;

/** The factors of bias correction by age, worked out once per optimizer and grown as the run does. */
export class BiasFactorTable {
  readonly #betas: readonly [number, number];
  #table: BiasCorrectionTable = { first: new Float64Array(0), root: new Float64Array(0) };

  constructor(betas: readonly [number, number]) {
    this.#betas = betas;
  }

  /** The factors of ages up to `age`, at the index of the age. */
  upTo(age: number): BiasCorrectionTable {
    const known = this.#table.first.length;
    if (age >= known) {
      const size = Math.min(oldestAge + 1, Math.max(2 * known, age + 1, 1024));
      const first = new Float64Array(size);
      const root = new Float64Array(size);
      first.set(this.#table.first);
      root.set(this.#table.root);
      for (let next = Math.max(1, known); next < size; next++) {
        const factors = biasFactorsAt(next, this.#betas);
        first[next] = factors.first;
        root[next] = factors.root;
      }
      this.#table = { first, root };
    }
    return this.#table;
  }
}
