/** Rows of named cells, whatever file they came from. */
import { excerpt, InputError } from "../../errors.js";
import { placeOf } from "./place.js";

/** What a row has in a column: text, or of JSON and Parquet a list of texts; nothing where the row has none of the two. */
export type Cell = string | readonly string[] | undefined;

/** One row. */
export interface TableRow {
  /** The line it begins on, or its number where rows have no lines; counted from 1. */
  readonly line: number;
  /** The texts by column name; see `textOf` for one of them. */
  readonly fields: Readonly<Record<string, string>>;
  /** What it has in the column at a place. */
  cell(column: number): Cell;
}

/** Rows of named cells, from any of the supported formats; `file` is what messages call it. */
export interface Table {
  readonly file: string;
  /** Names in the order of the file; a spreadsheet's may be empty or come twice. */
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
  /** What was left out or read otherwise than it stands, in sentences without the file's name. */
  readonly notes: readonly string[];
  /** Where a column is among `columns`; undefined where there is none. */
  columnIndex(column: string): number | undefined;
}

export interface TableOptions {
  /** What separates the fields of .csv and .tsv; by default what the header shows. A backslash and a t are a tab, as shells pass it. */
  readonly delimiter?: string | undefined;
  /** Whether a blank line is a row with an empty text, where a file has one column; by default it is no row. */
  readonly blankLines?: boolean | undefined;
  /** Columns that will be asked for. Of nested JSON and Parquet they may be paths, such as `review.body`. */
  readonly asked?: readonly string[] | undefined;
  /** Columns whose lists and objects are kept, as JSON text; of other columns they are nothing. */
  readonly nested?: readonly string[] | undefined;
  /** Of how many rows everything is needed; of rows after them only `labels`. Formats that can be read in parts follow it. */
  readonly limit?: number | undefined;
  /** The columns of labels. */
  readonly labels?: readonly string[] | undefined;
}

/** Checks that the table has a column, once, else throws InputError with the columns that there are. Returns the name. */
export function requireColumn({ file, columns, columnIndex }: Table, name: string): string {
  const index = columnIndex(name);
  if (index === undefined) {
    throw new InputError(`${file} has no column "${excerpt(name)}"; its columns are ${listedColumns(columns)}.`);
  }
  if (columns.indexOf(name, index + 1) >= 0) throw new InputError(`${file} has two columns named "${excerpt(name)}".`);
  return name;
}

/** The text in a row's column; undefined where the row has none. */
export function textOf(table: Table, row: TableRow, column: string): string | undefined {
  const cell = cellOf(table, row, column);
  return typeof cell === "string" ? cell : undefined;
}

/** The list in a row's column; undefined where the row has none. */
export function listOf(table: Table, row: TableRow, column: string): readonly string[] | undefined {
  const cell = cellOf(table, row, column);
  return typeof cell === "string" ? undefined : cell;
}

/** The text in a row's column; InputError with the line where the row has none. */
export function requireField(table: Table, row: TableRow, column: string): string {
  const text = textOf(table, row, column);
  if (text !== undefined) return text;
  throw new InputError(
    `${placeOf(table.file, row.line)}: the field "${excerpt(column)}" is missing or no text, number or boolean.`,
  );
}

/** The list in a row's column; InputError with the line where the row has none. */
export function requireList(table: Table, row: TableRow, column: string): readonly string[] {
  const list = listOf(table, row, column);
  if (list !== undefined) return list;
  throw new InputError(
    `${placeOf(table.file, row.line)}: the field "${excerpt(column)}" is missing or no list of texts.`,
  );
}

function cellOf(table: Table, row: TableRow, column: string): Cell {
  const index = table.columnIndex(column);
  return index === undefined ? undefined : row.cell(index);
}

const mostListed = 8;

/** Names of columns as messages list them. */
export function listedColumns(columns: readonly string[]): string {
  const shown = columns.slice(0, mostListed).map((column) => `"${excerpt(column)}"`);
  const more = columns.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
