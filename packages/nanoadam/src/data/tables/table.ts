/** Rows of named text fields, whatever file they came from. */
import { InputError } from "../../errors.js";

/** One row: the line it begins on (counted from 1) and its fields by column name. */
export interface TableRow {
  readonly line: number;
  /** A field is absent where a JSON row has no such key, null, a list or an object there. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Rows of named text fields, from any of the supported formats; `file` is what messages call it. */
export interface Table {
  readonly file: string;
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
}

export interface TableOptions {
  /** Column separator of .csv (comma if not given) and .tsv (tab) files; a backslash and a t mean a tab, as shells pass it. */
  readonly delimiter?: string;
}

/** Checks that the table has a column, else throws InputError with the columns that there are. Returns the name. */
export function requireColumn(table: Table, name: string): string {
  if (table.columns.includes(name)) return name;
  const present = table.columns.map((column) => `"${column}"`).join(", ");
  throw new InputError(`${table.file} has no column "${name}"; its columns are ${present}.`);
}

/** The text in a row's column; InputError with the line where the row has none. */
export function requireField(table: Table, row: TableRow, column: string): string {
  const field = Object.hasOwn(row.fields, column) ? row.fields[column] : undefined;
  if (field !== undefined) return field;
  throw new InputError(
    `${table.file}, line ${row.line}: the field "${column}" is missing or no text, number or boolean.`,
  );
}
