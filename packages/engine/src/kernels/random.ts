/**
 * One counter-based generator serves shuffling, dropout, initialisation and random masks. A draw is a pure function of
 * its key (seed, step, site) and its counter, so nothing has to be saved to resume a run, and the order in which
 * numbers are drawn does not matter. The mixing rounds are xor-shift-multiply with odd constants, each a bijection of
 * 32-bit words; two keyed rounds of two stages pass the uniformity and correlation checks in the tests.
 */

/** Where a random number is used: the run's seed, the training step, and a number for the place in the model. */
export interface RandomKey {
  readonly seed: number;
  readonly step: number;
  readonly site: number;
}

interface KeyWords {
  readonly first: number;
  readonly second: number;
}

function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}

function keyWords({ seed, step, site }: RandomKey): KeyWords {
  const high = Math.floor(seed / 2 ** 32);
  const first = mix(mix(mix(mix(seed | 0) + high) + step) + Math.imul(site, 0x9e3779b9));
  return { first, second: mix(first ^ 0x6a09e667) };
}

function draw(words: KeyWords, counter: number): number {
  return mix(mix((counter + words.first) | 0) ^ words.second) >>> 0;
}

/** A random 32-bit unsigned integer. */
export function randomBits(key: RandomKey, counter: number): number {
  return draw(keyWords(key), counter);
}

/** A uniform number in [0, 1), a multiple of 2^-32. */
export function uniform(key: RandomKey, counter: number): number {
  return randomBits(key, counter) / 2 ** 32;
}

/** A standard normal number (Box-Muller on counters 2c and 2c + 1). */
export function normal(key: RandomKey, counter: number): number {
  const words = keyWords(key);
  const radius = Math.sqrt(-2 * Math.log((draw(words, 2 * counter) + 1) / 2 ** 32));
  return radius * Math.cos((2 * Math.PI * draw(words, 2 * counter + 1)) / 2 ** 32);
}

/** Fills `target` with normal numbers of the given standard deviation. */
export function fillNormal(target: Float32Array, standardDeviation: number, key: RandomKey): void {
  for (let i = 0; i < target.length; i++) target[i] = standardDeviation * normal(key, i);
}

/** Fills `target` with numbers uniform within `-bound` and `bound`. */
export function fillUniform(target: Float32Array, bound: number, key: RandomKey): void {
  for (let i = 0; i < target.length; i++) target[i] = bound * (2 * uniform(key, i) - 1);
}

/**
 * Fills a dropout mask: 1 keeps an entry, 0 drops it, with probability `rate` rounded to a multiple of 2^-16 (each
 * 32-bit draw decides two entries).
 */
export function fillDropoutMask(mask: Uint8Array, rate: number, key: RandomKey): void {
  const { first, second } = keyWords(key);
  const threshold = Math.round(rate * 65536);
  const pairs = mask.length >> 1;
  // The mixing of `draw`, written out: called per pair, it would take a third of a small model's step.
  for (let pair = 0; pair < pairs; pair++) {
    let bits = (pair + first) | 0;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    bits = bits ^ (bits >>> 15) ^ second;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    bits ^= bits >>> 15;
    mask[2 * pair] = (bits & 0xffff) >= threshold ? 1 : 0;
    mask[2 * pair + 1] = bits >>> 16 >= threshold ? 1 : 0;
  }
  if (mask.length % 2 === 1) mask[mask.length - 1] = (randomBits(key, pairs) & 0xffff) >= threshold ? 1 : 0;
}
