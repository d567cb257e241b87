import type { ExampleSource } from "./dataset.js";
import { takeTurn } from "./in-turns.js";
import { isMissingLabel, spellingsOf, tidyLabel } from "./label-spelling.js";
import type { DataSource } from "./source.js";
import { placeOf } from "./tables/place.js";
import { listOf, requireColumn, requireField, type Table, type TableRow, textOf } from "./tables/table.js";
import type { Texts } from "./text/encoder.js";

export interface ExampleColumns {
  /** One column of text, or two for pairs. */
  readonly text: readonly string[];
  /** Take the first rows only, in the order of the file. */
  readonly limit?: number | undefined;
}

/**
 * The texts in a table's rows, in order.
 * @throws InputError for a column that is not there (naming those that are) or a row without text, with file and line.
 */
export function readExamples(table: Table, { text, limit }: ExampleColumns): ExampleSource[] {
  const [textColumn = "", pairColumn] = text;
  for (const column of text) requireColumn(table, column);
  return table.rows.slice(0, limit).map((row) => ({
    text: requireField(table, row, textColumn),
    ...(pairColumn === undefined ? {} : { textPair: requireField(table, row, pairColumn) }),
    line: row.line,
  }));
}

/** The texts of a source, or pairs of texts, alone; see `readExamples`. */
export async function readTexts(source: DataSource): Promise<Texts[]> {
  return readExamples(await source.table(), source).map(({ line: _line, ...texts }) => texts);
}

/** The labels of a table's rows, as far as they have one. */
export interface LabelColumn {
  readonly rows: readonly { readonly row: TableRow; readonly label: string }[];
  /** What should be said of them. */
  readonly notes: readonly string[];
}

/**
 * The labels in a column of a table, without blanks around them; rows without a label are left out and counted.
 * @throws InputError for a column that is not there, naming those that are, or a list of labels.
 */
export function readLabelColumn(table: Table, column: string): LabelColumn {
  requireColumn(table, column);
  const labels = table.rows.map((row) => {
    const isList = listOf(table, row, column) !== undefined;
    return { row, label: tidyLabel(isList ? requireField(table, row, column) : (textOf(table, row, column) ?? "")) };
  });
  const rows = labels.filter(({ label }) => !isMissingLabel(label));
  const [first, ...others] = labels.filter(({ label }) => isMissingLabel(label));
  if (first === undefined) return { rows, notes: [] };
  const where = placeOf(table.file, first.row.line);
  const note =
    others.length === 0
      ? `${where}: the row has no "${column}" and is left out`
      : `${where}: the first of ${others.length + 1} rows without "${column}", which are left out`;
  return { rows, notes: [note] };
}

/** What should be said of labels that were taken for one class although they are spelt in different ways. */
export function spellingNotes(labels: Iterable<string>, file: string): string[] {
  return [...spellingsOf(labels).values()].flatMap((spellings) => {
    const [usual, ...others] = spellings;
    if (usual === undefined || others.length === 0) return [];
    const listed = others.map(([spelling, count]) => `"${spelling}" (${count})`).join(", ");
    return [`${file}: ${listed} ${others.length > 1 ? "are" : "is"} taken for "${usual[0]}" (${usual[1]})`];
  });
}

/** A labelled row: its texts, where it is, and its label as the file has it. */
export interface LabelledSource {
  readonly source: ExampleSource;
  readonly label: string;
}

/**
 * The rows of a source that have a label, in order.
 * @throws InputError for a column that is not there, or a row without text, with file and line.
 */
export async function readLabelled(
  source: DataSource,
): Promise<{ readonly examples: readonly LabelledSource[]; readonly notes: readonly string[] }> {
  const table = await source.table();
  const limited = { ...table, rows: table.rows.slice(0, source.limit) };
  await takeTurn();
  const { rows, notes } = readLabelColumn(limited, source.label?.[0] ?? "");
  await takeTurn();
  const texts = readExamples({ ...table, rows: rows.map(({ row }) => row) }, { text: source.text });
  return {
    examples: texts.map((text, index) => ({ source: text, label: rows[index]?.label ?? "" })),
    notes,
  };
}
