/**
 * What a task minimises, as a graph on top of a model's logits, and the tensors of the batch that it needs. Weights of
 * examples (or of masked places) come normalised to sum 1, so that a loss is a weighted mean and padding rows cost
 * nothing.
 */
import {
  add,
  logSoftmax,
  multiply,
  reduceMean,
  reduceSum,
  reshape,
  scale,
  subtract,
  type TensorData,
  type TensorType,
  takeAlongRows,
  type Value,
} from "@nanoadam/engine";
import type { BatchShape } from "../models/model.js";

export interface Objective {
  readonly name: "classification" | "regression" | "masked-lm";
  inputTypes(shape: BatchShape): ReadonlyMap<string, TensorType>;
  /** The loss, a tensor of one entry, from the logits and the batch's tensors by name. */
  loss(logits: Value, batchInput: (name: string) => Value): Value;
}

/** Targets of a batch, as the tensors that its objective declares. */
export type Targets = ReadonlyMap<string, TensorData>;

export interface ClassificationOptions {
  readonly labels: number;
  /** Share of the target spread evenly over all classes, in [0, 1). */
  readonly labelSmoothing?: number;
  /** A weight per class; the loss is then the weighted mean, as in PyTorch's cross_entropy. */
  readonly classWeights?: readonly number[];
}

/** Cross-entropy of [batch, labels] logits, with label smoothing and class weights as PyTorch defines them. */
export function classification(options: ClassificationOptions): Objective & {
  targets(labels: ArrayLike<number>): Targets;
} {
  const { labels, labelSmoothing = 0, classWeights } = options;
  return {
    name: "classification",
    inputTypes: ({ batchSize }) =>
      new Map<string, TensorType>([
        ["labels", { dataType: "int32", shape: [batchSize] }],
        ["example_weights", { dataType: "float32", shape: [batchSize, 1] }],
        ...(labelSmoothing > 0
          ? ([
              ["class_weights", { dataType: "float32", shape: [1, labels] }],
              ["smoothing_weight", { dataType: "float32", shape: [batchSize, 1] }],
            ] as const)
          : []),
      ]),
    loss(logits, batchInput) {
      const logProbabilities = logSoftmax(logits);
      const picked = multiply(takeAlongRows(logProbabilities, batchInput("labels")), batchInput("example_weights"));
      const sharp = negativeSum(picked);
      if (labelSmoothing === 0) return sharp;
      const weighted = multiply(logProbabilities, batchInput("class_weights"));
      const spread = negativeSum(multiply(weighted, batchInput("smoothing_weight")));
      return add(scale(sharp, 1 - labelSmoothing), scale(spread, labelSmoothing / labels));
    },
    targets(batchLabels) {
      const classWeight = (label: number) => classWeights?.[label] ?? 1;
      const weights = Float32Array.from(batchLabels, classWeight);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return new Map<string, TensorData>([
        ["labels", Int32Array.from(batchLabels)],
        ["example_weights", weights.map((weight) => weight / total)],
        ...(labelSmoothing > 0
          ? ([
              ["class_weights", Float32Array.from({ length: labels }, (_, label) => classWeight(label))],
              ["smoothing_weight", new Float32Array(batchLabels.length).fill(1 / total)],
            ] as const)
          : []),
      ]);
    },
  };
}

/** Mean squared error of the single logit. */
export function regression(): Objective & { targets(values: ArrayLike<number>): Targets } {
  return {
    name: "regression",
    inputTypes: ({ batchSize }) => new Map([["targets", { dataType: "float32", shape: [batchSize, 1] }]]),
    loss(logits, batchInput) {
      const error = subtract(logits, batchInput("targets"));
      return reshape(reduceMean(multiply(error, error), [0, 1]), [1]);
    },
    targets: (values) => new Map([["targets", Float32Array.from(values)]]),
  };
}

/** Share of the tokens that masked-LM training hides and predicts. */
export const maskedShare = 0.15;

/** Places that a batch has for masked tokens; those not used have weight 0. */
export function maskedPlaces({ batchSize, length }: BatchShape): number {
  return Math.max(1, Math.ceil(maskedShare * batchSize * length));
}

/** Cross-entropy over the vocabulary at the masked places. */
export function maskedLanguageModel(): Objective {
  return {
    name: "masked-lm",
    inputTypes(shape) {
      const places = maskedPlaces(shape);
      return new Map<string, TensorType>([
        ["masked_positions", { dataType: "int32", shape: [places] }],
        ["masked_labels", { dataType: "int32", shape: [places] }],
        ["masked_weights", { dataType: "float32", shape: [places, 1] }],
      ]);
    },
    loss(logits, batchInput) {
      const picked = takeAlongRows(logSoftmax(logits), batchInput("masked_labels"));
      return negativeSum(multiply(picked, batchInput("masked_weights")));
    },
  };
}

function negativeSum(x: Value): Value {
  return scale(reshape(reduceSum(x, [0, 1]), [1]), -1);
}
