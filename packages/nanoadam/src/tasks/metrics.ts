/**
 * Metrics of predictions against targets. Class arrays hold class ids; all functions throw a RangeError for arrays of
 * different lengths or without elements. Where a metric's denominator is zero the result is 0, as in scikit-learn.
 */

/** Whether lower values of a figure of an evaluation are the better ones. */
export function isBetterLower(metric: string): boolean {
  return metric === "loss" || metric === "perplexity";
}

/** The share of predictions equal to their target, from 0 to 1. */
export function accuracy(predictions: ArrayLike<number>, targets: ArrayLike<number>): number {
  requirePairs(predictions, targets);
  let correct = 0;
  for (let i = 0; i < targets.length; i++) if (predictions[i] === targets[i]) correct++;
  return correct / targets.length;
}

/**
 * F1 of one class, 2 TP / (2 TP + FP + FN), from 0 to 1; class 1 by default, as for two classes. 0 where the class is
 * neither predicted nor present.
 */
export function f1(predictions: ArrayLike<number>, targets: ArrayLike<number>, positiveClass = 1): number {
  requirePairs(predictions, targets);
  let hits = 0;
  let predicted = 0;
  let present = 0;
  for (let i = 0; i < targets.length; i++) {
    const isPredicted = predictions[i] === positiveClass;
    const isPresent = targets[i] === positiveClass;
    if (isPredicted) predicted++;
    if (isPresent) present++;
    if (isPredicted && isPresent) hits++;
  }
  return predicted + present === 0 ? 0 : (2 * hits) / (predicted + present);
}

/** The unweighted mean of F1 over the classes that are predicted or present. */
export function macroF1(predictions: ArrayLike<number>, targets: ArrayLike<number>): number {
  requirePairs(predictions, targets);
  const classes = [...new Set([...Array.from(predictions), ...Array.from(targets)])];
  return classes.reduce((sum, label) => sum + f1(predictions, targets, label), 0) / classes.length;
}

/**
 * Matthews correlation in its form for any number of classes, from -1 to 1: with n samples, c correct ones, and class k
 * predicted p_k times and present t_k times, (c n - sum p_k t_k) / sqrt((n^2 - sum p_k^2) (n^2 - sum t_k^2)). For two
 * classes it is (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)). 0 where only one class is predicted or present.
 */
export function matthewsCorrelation(predictions: ArrayLike<number>, targets: ArrayLike<number>): number {
  requirePairs(predictions, targets);
  const count = targets.length;
  const predicted = frequencies(predictions);
  const present = frequencies(targets);
  const correct = accuracy(predictions, targets) * count;
  let crossed = 0;
  for (const [label, times] of predicted) crossed += times * (present.get(label) ?? 0);
  const spread = (times: Map<number, number>) =>
    count ** 2 - [...times.values()].reduce((sum, number) => sum + number ** 2, 0);
  const denominator = Math.sqrt(spread(predicted)) * Math.sqrt(spread(present));
  return denominator === 0 ? 0 : limit((Math.round(correct) * count - crossed) / denominator);
}

/** Pearson correlation, from -1 to 1: the covariance over the product of the standard deviations. 0 for a constant. */
export function pearsonCorrelation(predictions: ArrayLike<number>, targets: ArrayLike<number>): number {
  requirePairs(predictions, targets);
  const left = centred(predictions);
  const right = centred(targets);
  let product = 0;
  let leftSquares = 0;
  let rightSquares = 0;
  for (let i = 0; i < left.length; i++) {
    const a = left[i] as number;
    const b = right[i] as number;
    product += a * b;
    leftSquares += a * a;
    rightSquares += b * b;
  }
  const denominator = Math.sqrt(leftSquares) * Math.sqrt(rightSquares);
  return denominator === 0 ? 0 : limit(product / denominator);
}

/** Spearman correlation, from -1 to 1: the Pearson correlation of the ranks, equal values sharing their mean rank. */
export function spearmanCorrelation(predictions: ArrayLike<number>, targets: ArrayLike<number>): number {
  requirePairs(predictions, targets);
  return pearsonCorrelation(averageRanks(predictions), averageRanks(targets));
}

/** Ranks from 1 on, in ascending order of the values; equal values get the mean of the ranks that they take up. */
export function averageRanks(values: ArrayLike<number>): Float64Array {
  const valueAt = (index: number) => values[index] as number;
  const order = Uint32Array.from({ length: values.length }, (_, index) => index).sort(
    (a, b) => valueAt(a) - valueAt(b) || a - b,
  );
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && valueAt(order[end] as number) === valueAt(order[start] as number)) end++;
    for (const index of order.subarray(start, end)) ranks[index] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

function requirePairs(predictions: ArrayLike<number>, targets: ArrayLike<number>): void {
  if (predictions.length !== targets.length || targets.length === 0) {
    throw new RangeError(`${predictions.length} predictions for ${targets.length} targets, expected as many and some`);
  }
}

function frequencies(labels: ArrayLike<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of Array.from(labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** The values less their mean; exactly zero for a constant, whose mean may round. */
function centred(values: ArrayLike<number>): Float64Array {
  const first = values[0] as number;
  const shifted = Float64Array.from(values, (value) => value - first);
  const mean = shifted.reduce((sum, value) => sum + value, 0) / shifted.length;
  return shifted.map((value) => value - mean);
}

/** Rounding must not carry a correlation past 1. */
function limit(correlation: number): number {
  return Math.min(1, Math.max(-1, correlation));
}
