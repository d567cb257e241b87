/** Tables whose rows may have lists beside their fields, as JSON's do: the words of a sentence, the labels of a text. */
import { InputError } from "../../errors.js";
import { fieldOfJson, parseJsonRows, tableOfJson } from "./json.js";
import { parseTable } from "./parse-table.js";
import type { Table, TableOptions, TableRow } from "./table.js";

export interface ListRow extends TableRow {
  /** The lists of texts, numbers and booleans by column name; a column is here or among the fields. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

export interface ListTable extends Table {
  readonly rows: readonly ListRow[];
}

const jsonFile = /\.(jsonl|ndjson|json)$/i;

/** Parses a file as `parseTable` does, and of JSON the lists too. */
export function parseListTable(text: string, file: string, options: TableOptions = {}): ListTable {
  if (!jsonFile.test(file)) {
    const table = parseTable(text, file, options);
    return { ...table, rows: table.rows.map((row) => ({ ...row, lists: {} })) };
  }
  const jsonRows = parseJsonRows(text, file);
  if (jsonRows.length === 0) throw new InputError(`${file} has no rows.`);
  const { columns, rows } = tableOfJson(jsonRows);
  return {
    file,
    columns,
    rows: rows.map((row, index) => ({ ...row, lists: listsOf(jsonRows[index]?.values ?? {}) })),
  };
}

/** The list in a row's column; undefined where the row has none. */
export function listOf({ lists }: ListRow, column: string): readonly string[] | undefined {
  return Object.hasOwn(lists, column) ? lists[column] : undefined;
}

/** The list in a row's column; InputError with the line where the row has none. */
export function requireList(table: ListTable, row: ListRow, column: string): readonly string[] {
  const list = listOf(row, column);
  if (list !== undefined) return list;
  throw new InputError(`${table.file}, line ${row.line}: the field "${column}" is missing or no list of texts.`);
}

function listsOf(values: Readonly<Record<string, unknown>>): Record<string, readonly string[]> {
  const lists: [string, readonly string[]][] = [];
  for (const [column, value] of Object.entries(values)) {
    if (!Array.isArray(value)) continue;
    const entries = value.map(fieldOfJson).filter((entry) => entry !== undefined);
    if (entries.length === value.length) lists.push([column, entries]);
  }
  return Object.fromEntries(lists);
}
