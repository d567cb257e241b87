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

/** The factors of entries whose ages differ, each worked out once. */
export class BiasFactorsByAge {
  readonly #betas: readonly [number, number];
  readonly #known: BiasFactors[] = [];

  constructor(betas: readonly [number, number]) {
    this.#betas = betas;
  }

  /** @param age updates that an entry's moments have seen, this one included: from 1; beyond `oldestAge` as that */
  at(age: number): BiasFactors {
    const counted = Math.min(age, oldestAge);
    this.#known[counted] ??= biasFactorsAt(counted, this.#betas);
    return this.#known[counted];
  }
}
