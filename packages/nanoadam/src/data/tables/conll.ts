/** Files of a word a line with blank lines between sentences, as the shared tasks of CoNLL have them. */
import { InputError } from "../../errors.js";

/** A line of a sentence: its columns, of which there are as many in every line of a file. */
export interface ConllLine {
  readonly line: number;
  readonly columns: readonly string[];
}

/** The endings of files that are of this form whatever they are read for. */
export const conllExtensions = [".conll", ".iob"] as const;

/**
 * The sentences of a file. Columns are separated by `delimiter`; without one by tabs where the first word's line has any, else
 * by white space. A line that begins with -DOCSTART- ends a sentence, as a blank one does, and says nothing more. Throws InputError
 * for a file without words, and with the line where the number of columns changes.
 */
export function parseConll(text: string, file: string, delimiter?: string): ConllLine[][] {
  let separator: string | RegExp | undefined = delimiter === "\\t" ? "\t" : delimiter;
  const sentences: ConllLine[][] = [];
  let sentence: ConllLine[] = [];
  let first: ConllLine | undefined;
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (const [index, content] of lines.entries()) {
    const line = index + 1;
    if (content.trim() === "" || content.startsWith("-DOCSTART-")) {
      sentence = [];
      continue;
    }
    separator ??= content.trim().includes("\t") ? "\t" : /\s+/;
    const columns = (typeof separator === "string" ? content : content.trim())
      .split(separator)
      .map((column) => column.trim());
    first ??= { line, columns };
    if (columns.length !== first.columns.length) {
      const counted = columns.length === 1 ? "1 column" : `${columns.length} columns`;
      throw new InputError(
        `${file}, line ${line}: ${counted}, expected ${first.columns.length} as in line ${first.line}.`,
      );
    }
    if (sentence.length === 0) sentences.push(sentence);
    sentence.push({ line, columns });
  }
  if (sentences.length === 0) throw new InputError(`${file} has no words.`);
  return sentences;
}
