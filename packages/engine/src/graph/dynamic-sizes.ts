/**
 * A function is built for tensors of known sizes. To write it down for all sizes of a batch, it is built for sizes that tell
 * themselves from any other: large primes. A size that is computed from them keeps them as factors, so that what it stands for
 * can be read off: 12 * 10007 is twelve times the size for which 10007 stands.
 */

/** A size that is known only when a function runs: that of an input's axis. */
export interface DynamicSize {
  /** What the file calls it, `batch_size` for instance. */
  readonly name: string;
  /** The number that stands for it. */
  readonly size: number;
  readonly input: string;
  readonly axis: number;
}

/** A size as a number times sizes that are known later. */
export interface SizeProduct {
  readonly factor: number;
  readonly sizes: readonly DynamicSize[];
}

/** Reads a size as a product of dynamic ones. */
export function sizeProduct(size: number, dynamic: readonly DynamicSize[]): SizeProduct {
  const sizes: DynamicSize[] = [];
  let factor = size;
  for (const each of dynamic) {
    while (factor !== 0 && factor % each.size === 0) {
      sizes.push(each);
      factor /= each.size;
    }
  }
  return { factor, sizes };
}

/**
 * Primes, from 10,007 on, of which none divides one of `known`: they may stand for dynamic sizes beside these.
 * @param skip leaves out so many of them
 */
export function standInSizes(count: number, known: Iterable<number>, skip = 0): number[] {
  const taken = [...new Set(known)];
  const found: number[] = [];
  for (let candidate = 10_007; found.length < count + skip; candidate += 2) {
    if (isPrime(candidate) && taken.every((size) => size % candidate !== 0)) found.push(candidate);
  }
  return found.slice(skip);
}

/**
 * Three further sizes like these, of which the last is the sum of the others: tokens that are new, tokens before them, and all.
 * As primes above 2 have no prime for a sum, the second one is twice a prime.
 */
export function standInSum(known: Iterable<number>, skip = 0): readonly [part: number, other: number, sum: number] {
  const taken = [...known];
  for (const part of standInSizes(100, taken, skip)) {
    for (const half of standInSizes(100, [...taken, part])) {
      const sum = part + 2 * half;
      if (isPrime(sum) && taken.every((size) => size % sum !== 0)) return [part, 2 * half, sum];
    }
  }
  throw new Error("no sizes were found that may stand for dynamic ones");
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false;
  return true;
}
