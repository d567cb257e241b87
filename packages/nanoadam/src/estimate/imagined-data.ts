/** Rows and tokens for a run whose data nobody has named: texts that are as long as they may be. */
import type { Batch } from "../data/batch.js";
import type { Dataset } from "../data/dataset.js";
import type { Row } from "../data/source.js";
import type { TextEncoder } from "../data/text/encoder.js";
import type { EncodedText } from "../data/text/tokenizer.js";
import { InputError } from "../errors.js";
import { loadBatch } from "../tasks/load-batch.js";
import type { Task } from "../tasks/task.js";

export interface ImaginedText {
  readonly maxLength: number;
  readonly vocabularySize: number;
}

/** An encoder that makes so many tokens of any text. */
export function imaginedEncoder({ maxLength, vocabularySize }: ImaginedText): TextEncoder {
  const text: EncodedText = {
    ids: new Int32Array(maxLength),
    typeIds: new Int32Array(maxLength),
    specialMask: new Uint8Array(maxLength),
    wasTruncated: false,
  };
  const encodeWords = (words: readonly string[]) => ({
    ...text,
    wordStarts: Int32Array.from(words, (_, place) => Math.min(place, maxLength - 1)),
  });
  return {
    maxLength,
    vocabularySize,
    encode: () => text,
    encodeWords,
    tokenizer: {
      encode: () => text,
      encodeWords,
      encodeBare: () => [...text.ids],
      decode: () => "",
      isSpecial: () => false,
      chatTemplate() {
        throw new InputError("conversations can only be estimated with a tokenizer");
      },
      endId: undefined,
      padId: 0,
      maskId: 0,
      vocabularySize,
      maximumLength: undefined,
      files: [],
    },
  };
}

/** So many labels, in the order of their names. */
export function imaginedLabels(labels: number): string[] {
  return Array.from({ length: labels }, (_, id) => `label ${String(id).padStart(8, "0")}`);
}

/** Rows of a task, with so many labels. */
export function imaginedRows(task: string, rows: number, labels: number): Row[] {
  const names = imaginedLabels(labels);
  const nameOf = (row: number) => names[row % labels] ?? "";
  return Array.from({ length: Math.max(rows, labels) }, (_, row): Row => {
    switch (task) {
      case "regression":
        return { text: "a", label: row };
      case "multi-label":
        return { text: "a", label: [nameOf(row)] };
      case "token-classification":
        return { tokens: ["a"], ner_tags: [row % labels === 0 ? "O" : `B-${nameOf(row)}`] };
      case "classification":
        return { text: "a", label: nameOf(row) };
      default:
        return { text: "a" };
    }
  });
}

/** The first so many examples as one batch of texts that are as long as they may be. */
export function imaginedBatch(task: Task, dataset: Dataset, size: number, length: number): Promise<Batch> {
  const indices = Array.from({ length: size }, (_, place) => place);
  return loadBatch(task, dataset, { indices, size: 8 * Math.ceil(length / 8) }, { seed: 0, step: 0 });
}
