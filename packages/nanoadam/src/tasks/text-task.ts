/**
 * A task on texts, from encoded examples to metrics: which head and objective it has, how a batch is laid out, and what
 * the logits are judged by.
 */
import { type BatchPlan, collate } from "../data/batches.js";
import type { LabelMap } from "../data/labels.js";
import type { EncodedText, TextTokenizer } from "../data/text/load.js";
import { InputError } from "../errors.js";
import type { Head, TokenBatch } from "../models/model.js";
import { maskTokens } from "./masking.js";
import { accuracy, f1, macroF1, matthewsCorrelation, pearsonCorrelation, spearmanCorrelation } from "./metrics.js";
import { classification, maskedLanguageModel, type Objective, regression, type Targets } from "./objective.js";

/** An example as tokens; `label` is a class id or a number, absent for masked-LM and prediction. */
export interface EncodedExample extends EncodedText {
  readonly label?: number;
}

export interface TaskBatch {
  readonly tokens: TokenBatch;
  readonly targets: Targets;
  /** What the batch's mean loss is a mean over: examples, or masked places. */
  readonly weight: number;
}

/** Names what is random about a batch, for tasks that mask tokens. */
export interface BatchKey {
  readonly seed: number;
  readonly step: number;
}

/** Values by metric name; "accuracy", "f1", "matthews", "pearson", "spearman", "perplexity". */
export type Metrics = Readonly<Record<string, number>>;

/** Takes the logits of batch after batch, then tells the metrics. */
export interface MetricsCollector {
  add(logits: Float32Array, batch: TaskBatch): void;
  metrics(meanLoss: number): Metrics;
}

export interface TextTask {
  readonly name: Objective["name"];
  readonly head: Head;
  readonly objective: Objective;
  batch(examples: readonly EncodedExample[], plan: BatchPlan, key: BatchKey): TaskBatch;
  collector(): MetricsCollector;
}

/** A batch of labelled examples, whose loss is a mean over them. */
function labelledBatch(
  examples: readonly EncodedExample[],
  plan: BatchPlan,
  tokenizer: TextTokenizer,
  objective: { targets(labels: ArrayLike<number>): Targets },
): TaskBatch {
  const labels = plan.indices.map((index) => examples[index]?.label ?? 0);
  const tokens = collate(examples, plan, tokenizer.padId);
  return { tokens, targets: objective.targets(labels), weight: plan.indices.length };
}

function rows(logits: Float32Array, columns: number): Float32Array[] {
  return Array.from({ length: logits.length / columns }, (_, row) =>
    logits.subarray(row * columns, (row + 1) * columns),
  );
}

/** The index of the largest logit; the first of equals. */
export function argmax(logits: Float32Array): number {
  return logits.reduce((best, logit, index) => (logit > (logits[best] ?? Number.NEGATIVE_INFINITY) ? index : best), 0);
}

export interface ClassificationTaskOptions {
  readonly labels: LabelMap;
  readonly tokenizer: TextTokenizer;
  readonly labelSmoothing?: number;
  readonly classWeights?: readonly number[];
}

/** One class for each text or pair of texts. F1 is of class 1 where there are two classes, else the macro mean. */
export function classificationTask({ labels, tokenizer, ...loss }: ClassificationTaskOptions): TextTask {
  const count = labels.names.length;
  const objective = classification({ labels: count, ...loss });
  return {
    name: "classification",
    head: { kind: "sequence-classification", labels: count },
    objective,
    batch: (examples, plan) => labelledBatch(examples, plan, tokenizer, objective),
    collector() {
      const predicted: number[] = [];
      const expected: number[] = [];
      return {
        add(logits, { targets }) {
          predicted.push(...rows(logits, count).map(argmax));
          expected.push(...(targets.get("labels") ?? []));
        },
        metrics: () => ({
          accuracy: accuracy(predicted, expected),
          f1: count === 2 ? f1(predicted, expected) : macroF1(predicted, expected),
          matthews: matthewsCorrelation(predicted, expected),
        }),
      };
    },
  };
}

/** One number for each text or pair of texts. */
export function regressionTask(tokenizer: TextTokenizer): TextTask {
  const objective = regression();
  return {
    name: "regression",
    head: { kind: "sequence-classification", labels: 1 },
    objective,
    batch: (examples, plan) => labelledBatch(examples, plan, tokenizer, objective),
    collector() {
      const predicted: number[] = [];
      const expected: number[] = [];
      return {
        add(logits, { targets }) {
          predicted.push(...logits);
          expected.push(...(targets.get("targets") ?? []));
        },
        metrics: () => ({
          pearson: pearsonCorrelation(predicted, expected),
          spearman: spearmanCorrelation(predicted, expected),
        }),
      };
    },
  };
}

/**
 * The hidden tokens of each text (BERT's recipe, see `maskTokens`).
 * @throws InputError for a tokenizer without a mask token.
 */
export function maskedLmTask(tokenizer: TextTokenizer): TextTask {
  const { maskId } = tokenizer;
  if (maskId === undefined) throw new InputError("tokenizer.json has no mask token, which masked-lm needs");
  return {
    name: "masked-lm",
    head: { kind: "masked-lm" },
    objective: maskedLanguageModel(),
    batch(examples, plan, key) {
      const chosen = plan.indices.map((index) => examples[index] as EncodedExample);
      const tokens = collate(examples, plan, tokenizer.padId);
      const masked = maskTokens(tokens, chosen, { maskId, vocabularySize: tokenizer.vocabularySize, key });
      return { tokens: { ...tokens, inputIds: masked.inputIds }, targets: masked.targets, weight: masked.count };
    },
    collector() {
      let [correct, count] = [0, 0];
      return {
        add(logits, { targets }) {
          const labels = targets.get("masked_labels") ?? [];
          const weights = targets.get("masked_weights") ?? [];
          const columns = logits.length / labels.length;
          for (const [place, label] of labels.entries()) {
            if (weights[place] === 0) continue;
            count++;
            if (argmax(logits.subarray(place * columns, (place + 1) * columns)) === label) correct++;
          }
        },
        metrics: (meanLoss) => ({ perplexity: Math.exp(meanLoss), accuracy: count === 0 ? 0 : correct / count }),
      };
    },
  };
}
