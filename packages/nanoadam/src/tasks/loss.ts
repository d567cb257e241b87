/** Losses as graphs on logits. All are sums over rows: whoever wants a mean divides by a batch's weight, once. */
import {
  add,
  constant,
  logSoftmax,
  multiply,
  reduceSum,
  reshape,
  scale,
  sizeOf,
  subtract,
  takeAlongRows,
  type Value,
} from "@nanoadam/engine";

export interface CrossEntropyOptions {
  /** A weight of each row, [rows, 1]; 1 where absent. */
  readonly rowWeights?: Value | undefined;
  /** Fraction of the target that is spread evenly over all classes, in [0, 1). */
  readonly labelSmoothing?: number;
  /** A weight of each class, [1, classes], in the part that label smoothing spreads. */
  readonly classWeights?: Value | undefined;
}

/**
 * Summed cross-entropy of logits [rows, classes] against `labels` int32 [rows]: PyTorch's `cross_entropy` with
 * `reduction="sum"`, its `label_smoothing` and, as `rowWeights` the weight of each row's class, its `weight`.
 */
export function crossEntropy(logits: Value, labels: Value, options: CrossEntropyOptions = {}): Value {
  const { rowWeights, labelSmoothing = 0, classWeights } = options;
  const logProbabilities = logSoftmax(logits);
  const picked = takeAlongRows(logProbabilities, labels);
  const sharp = negativeSum(rowWeights === undefined ? picked : multiply(picked, rowWeights));
  if (labelSmoothing === 0) return sharp;
  const classes = logits.type.shape[1] ?? 1;
  const spread = classWeights === undefined ? logProbabilities : multiply(logProbabilities, classWeights);
  return add(scale(sharp, 1 - labelSmoothing), scale(negativeSum(spread), labelSmoothing / classes));
}

/** Summed squared error of logits [rows, outputs] against targets of the same shape. */
export function squaredError(logits: Value, targets: Value): Value {
  const error = subtract(logits, targets);
  return scale(negativeSum(multiply(error, error)), -1);
}

/**
 * Summed binary cross-entropy of logits [rows, labels] against targets of the same shape, each from 0 to 1: PyTorch's
 * `binary_cross_entropy_with_logits` with `reduction="sum"`. A label is a choice between the logits 0 and x, whose
 * log-softmax loses nothing at logits of any size.
 */
export function binaryCrossEntropy(logits: Value, targets: Value): Value {
  const entries = sizeOf(logits.type.shape);
  const choices = multiply(reshape(logits, [entries, 1]), constant([0, 1], [1, 2]));
  const yes = reshape(targets, [entries, 1]);
  const chosen = add(multiply(yes, constant([-1, 1], [1, 2])), constant([1, 0], [1, 2]));
  return negativeSum(multiply(logSoftmax(choices), chosen));
}

/** Minus the sum of all entries of a matrix, as a tensor of one entry. */
function negativeSum(x: Value): Value {
  return scale(reshape(reduceSum(x, [0, 1]), [1]), -1);
}
