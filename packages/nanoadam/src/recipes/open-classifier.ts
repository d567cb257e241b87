import type { Texts } from "../data/text/encoder.js";
import { InputError } from "../errors.js";
import type { ClassOutcome } from "../tasks/classes.js";
import type { NoticeListener } from "../train/observer.js";
import { type OpenModelOptions, openModel } from "./open-model.js";
import { predictTexts } from "./predict.js";

/** What a classifier says of a text: one of its labels. */
export interface Classification<Label extends string> {
  readonly label: Label;
  readonly probability: number;
  /** By label; they sum to 1. */
  readonly probabilities: Readonly<Record<Label, number>>;
}

/** An opened model that tells one of some labels. Calls may overlap. */
export interface Classifier<Label extends string> {
  /** In the order of the model's classes. */
  readonly labels: readonly Label[];
  /** The label of each text, or pair of texts, in order. */
  classify(texts: readonly (string | Texts)[]): Promise<Classification<Label>[]>;
  /** Frees what the engine holds. */
  release(): Promise<void>;
}

/**
 * Opens a fine-tuned classifier whose labels are known, so that they come back typed:
 * `openClassifier("model", ["refund", "delivery"])` gives labels of the type `"refund" | "delivery"`.
 * @throws InputError where the model has other labels, or is no classifier.
 */
export async function openClassifier<const Label extends string>(
  folder: string,
  labels: readonly Label[],
  options: OpenModelOptions = {},
  listener: NoticeListener = {},
): Promise<Classifier<Label>> {
  const model = await openModel(folder, options, listener);
  const { classes, name } = model.task;
  const isExpected = (label: string): label is Label => labels.some((expected) => expected === label);
  const own = (classes ?? []).filter(isExpected);
  if (classes === undefined || own.length < classes.length || own.length < labels.length) {
    await model.release();
    const found = classes === undefined ? `is a ${name} checkpoint` : `has the labels ${quoted(classes)}`;
    throw new InputError(`${folder} ${found}, expected a classifier with ${quoted(labels)}`);
  }
  return {
    labels: own,
    async classify(texts) {
      const given = texts.map((text) => (typeof text === "string" ? { text } : text));
      const predictions = await predictTexts(model, given);
      return predictions.map((prediction) => {
        const { label, probability, probabilities } = prediction as ClassOutcome;
        return { label, probability, probabilities } as Classification<Label>;
      });
    },
    release: model.release,
  };
}

function quoted(labels: readonly string[]): string {
  return labels.map((label) => `"${label}"`).join(", ");
}
