/** What logits say. */

/** Rows of so many columns. */
export function rowsOf(logits: Float32Array, columns: number): Float32Array[] {
  return Array.from({ length: logits.length / columns }, (_, row) =>
    logits.subarray(row * columns, (row + 1) * columns),
  );
}

/** The index of the largest logit; the first of equals. */
export function argmax(logits: Float32Array): number {
  return logits.reduce((best, logit, index) => (logit > (logits[best] ?? Number.NEGATIVE_INFINITY) ? index : best), 0);
}

/** The probability of what has a logit for itself, in double precision. */
export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** Probabilities by softmax, in double precision. */
export function probabilitiesOf(logits: Float32Array): number[] {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
