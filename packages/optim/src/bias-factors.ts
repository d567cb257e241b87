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

/** Ages are kept in 16 bits. An entry that is older counts as this old: by then the correction has long faded. */
export const oldestAge = 65_535;

/** The factors of bias correction by age, worked out once per optimizer and grown as the run does. */
export class BiasFactorTable {
  readonly #betas: readonly [number, number];
  #first = new Float64Array(0);
  #root = new Float64Array(0);

  constructor(betas: readonly [number, number]) {
    this.#betas = betas;
  }

  /** The factors of ages up to `age`, at the index of the age. */
  upTo(age: number): { readonly first: Float64Array; readonly root: Float64Array } {
    const known = this.#first.length;
    if (age >= known) {
      const size = Math.min(oldestAge + 1, Math.max(2 * known, age + 1, 1024));
      const first = new Float64Array(size);
      const root = new Float64Array(size);
      first.set(this.#first);
      root.set(this.#root);
      for (let next = Math.max(1, known); next < size; next++) {
        const factors = biasFactorsAt(next, this.#betas);
        first[next] = factors.first;
        root[next] = factors.root;
      }
      this.#first = first;
      this.#root = root;
    }
    return { first: this.#first, root: this.#root };
  }
}
