/** Sentences as words, each with a tag: lists in JSON, as Hugging Face's data sets have them, or lines of CoNLL files. */
import { InputError } from "../errors.js";
import type { DataSource } from "./source.js";
import { type ConllLine, conllExtensions, parseConll } from "./tables/conll.js";
import { placeOf } from "./tables/place.js";
import { listOf, requireColumn, requireField, requireList } from "./tables/table.js";

export interface TaggedWord {
  readonly word: string;
  readonly tag: string;
  readonly line: number;
}

/** The columns of JSON where none are named. */
const usualColumns = { words: "tokens", tags: "ner_tags" } as const;

/**
 * The sentences of a source with their tags. JSON and Parquet have a list of words and one of tags in each row; .conll, .iob, .txt and
 * .tsv files have lines of columns, which are named by their numbers from 1 on: the first is the word and the last the tag
 * where none are named.
 * @throws InputError, with the line, for rows without lists, lists of different lengths, and other files.
 */
export async function readTaggedWords(source: DataSource): Promise<TaggedWord[][]> {
  const { format } = source;
  if (listFormats.includes(format)) return (await taggedRows(source)).slice(0, source.limit);
  if ([...conllExtensions, ".txt", ".tsv"].includes(format)) {
    return (await taggedLines(source)).slice(0, source.limit);
  }
  throw new InputError(
    `${source.file}: words with tags are read from JSON and Parquet (${listFormats.slice(0, -1).join(", ")}) and from lines of a word and its tag (${conllExtensions.join(", ")}, .txt, .tsv).`,
  );
}

/** The words of sentences in a source without tags; a field of text is words between white space. */
export async function readWords(source: DataSource): Promise<string[][]> {
  if (conllExtensions.some((extension) => extension === source.format)) {
    const sentences = parseConll(await source.content(), source.file, source.delimiter);
    const place = columnAt(source.text[0], source.file, "text", sentences[0]?.[0]?.columns.length ?? 0, 1);
    return sentences.slice(0, source.limit).map((sentence) => sentence.map(({ columns }) => columns[place] ?? ""));
  }
  const table = await source.table();
  const usual = table.columns.includes(usualColumns.words) ? usualColumns.words : "text";
  const column = requireColumn(table, source.text[0] ?? usual);
  return table.rows
    .slice(0, source.limit)
    .map((row) => [...(listOf(table, row, column) ?? requireField(table, row, column).split(/\s+/).filter(Boolean))]);
}

/** The formats whose rows may have lists. */
const listFormats: readonly string[] = [".jsonl", ".ndjson", ".json", ".parquet", "rows"];

async function taggedRows(source: DataSource): Promise<TaggedWord[][]> {
  const table = await source.table();
  const wordColumn = requireColumn(table, source.text[0] ?? usualColumns.words);
  const tagColumn = requireColumn(table, source.label?.[0] ?? usualColumns.tags);
  return table.rows.map((row) => {
    const words = requireList(table, row, wordColumn);
    const tags = requireList(table, row, tagColumn);
    if (words.length !== tags.length) {
      throw new InputError(
        `${placeOf(table.file, row.line)}: ${words.length} words in "${wordColumn}" but ${tags.length} tags in "${tagColumn}".`,
      );
    }
    return words.map((word, index) => ({ word, tag: tags[index] ?? "", line: row.line }));
  });
}

async function taggedLines(source: DataSource): Promise<TaggedWord[][]> {
  const { file, text, label, delimiter } = source;
  const sentences = parseConll(await source.content(), file, delimiter);
  const [first] = sentences[0] ?? [];
  const width = first?.columns.length ?? 0;
  if (width < 2) throw new InputError(`${file}, line ${first?.line}: 1 column, expected a word and its tag.`);
  const wordPlace = columnAt(text[0], file, "text", width, 1);
  const tagPlace = columnAt(label?.[0], file, "label", width, width);
  requireWords(sentences, wordPlace, file);
  return sentences.map((sentence) =>
    sentence.map(({ line, columns }) => {
      const tag = columns[tagPlace] ?? "";
      if (tag === "") throw new InputError(`${file}, line ${line}: the tag is empty.`);
      return { word: columns[wordPlace] ?? "", tag, line };
    }),
  );
}

/** A table of texts reads as one sentence, whose words are texts: it is refused. */
function requireWords(sentences: readonly (readonly ConllLine[])[], place: number, file: string): void {
  const [only = [], ...others] = sentences;
  const text = others.length > 0 ? undefined : only.find(({ columns }) => /\s/.test(columns[place] ?? ""));
  if (text === undefined) return;
  throw new InputError(
    `${file}, line ${text.line}: "${text.columns[place]?.slice(0, 40)}" is no word, expected a word a line and blank lines between sentences.`,
  );
}

/** The place, from 0 on, of a column that is named by its number from 1 on. */
function columnAt(
  name: string | undefined,
  file: string,
  option: "text" | "label",
  width: number,
  usual: number,
): number {
  const number = name === undefined ? usual : /^\d+$/.test(name) ? Number(name) : 0;
  if (number >= 1 && number <= width) return number - 1;
  throw new InputError(
    `\`${option}\` is "${name}", but the columns of ${file} have no names: expected a number from 1 to ${width}, or nothing for column ${usual}`,
  );
}
