/** Texts that are written as the ids of their tokens, "10 11 12": all that a task's tests need of a tokenizer. */
import type { DataSource, DataSourceOptions } from "../data/source.js";
import { parseTable } from "../data/tables/parse-table.js";
import { type TextEncoder, textEncoder } from "../data/text/encoder.js";
import type { EncodedText, TextTokenizer } from "../data/text/tokenizer.js";

/** A text begins with token 2 and ends with 3; of a pair the second one ends with 3 too and has the token type 1. */
export const numberTokenizer: TextTokenizer = {
  encode(text, textPair, maxLength) {
    const idsOf = (numbers: string) => numbers.split(" ").filter(Boolean).map(Number);
    const first = [2, ...idsOf(text), 3];
    const second = textPair === undefined ? [] : [...idsOf(textPair), 3];
    const ids = [...first, ...second];
    return {
      ids: Int32Array.from(ids),
      typeIds: Int32Array.from(ids, (_, place) => (place < first.length ? 0 : 1)),
      specialMask: Uint8Array.from(ids, (id) => (id < 5 ? 1 : 0)),
      wasTruncated: ids.length > maxLength,
    };
  },
  encodeWords() {
    throw new Error("numbers are no words");
  },
  decode: (ids) => ids.join(" "),
  isSpecial: (id) => id < 5,
  encodeBare: (text) => text.split(" ").filter(Boolean).map(Number),
  chatTemplate() {
    throw new Error("numbers are no conversations");
  },
  endId: 3,
  padId: 9,
  maskId: 4,
  vocabularySize: 50,
  maximumLength: undefined,
  files: [],
};

export const numberEncoder: TextEncoder = textEncoder(numberTokenizer, 64);

/** A text of these tokens between 2 and 3. */
export function encodedNumbers(...ids: number[]): EncodedText {
  return numberEncoder.encode({ text: ids.join(" ") });
}

/** The lines of a table of tab-separated columns as a source of data; its column of text is "text" unless told. */
export function tableSource(
  lines: readonly string[],
  { text = ["text"], ...columns }: Partial<DataSourceOptions> = {},
): DataSource {
  const [file, content] = ["data.tsv", lines.join("\n")];
  return {
    file,
    format: ".tsv",
    text,
    ...columns,
    table: async () => parseTable(content, file),
    content: async () => content,
    notes: async () => [],
  };
}
