import { InputError } from "../errors.js";
import { parseDelimited } from "./parse-delimited.js";
import { parseJsonArray, parseJsonLines } from "./parse-json.js";

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

/** The file name endings that are read. */
export const tableExtensions = [".tsv", ".csv", ".jsonl", ".ndjson", ".json", ".txt"] as const;

/**
 * Parses the text of a file by the ending of its name: .tsv and .csv with a header line (see `parseDelimited`), .jsonl
 * and .ndjson with an object per line, .json as a list of objects (or, as often found, an object per line), .txt as one
 * column "text" with a row per line that is not blank. Throws InputError, with the line, for text that breaks the format,
 * for a repeated column name, and for a file without rows.
 */
export function parseTable(text: string, file: string, options: TableOptions = {}): Table {
  const content = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const { columns, rows } = parseByExtension(content, file, options);
  if (rows.length === 0) throw new InputError(`${file} has no rows.`);
  const repeated = columns.find((column, index) => columns.indexOf(column) !== index);
  if (repeated !== undefined) throw new InputError(`${file} has two columns named "${repeated}".`);
  return { file, columns, rows };
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

function parseByExtension(text: string, file: string, options: TableOptions): Pick<Table, "columns" | "rows"> {
  const extension = /\.\w+$/.exec(file)?.[0].toLowerCase() ?? "";
  switch (extension) {
    case ".tsv":
      return parseDelimited(text, file, readDelimiter(options.delimiter ?? "\t"), "where needed");
    case ".csv":
      return parseDelimited(text, file, readDelimiter(options.delimiter ?? ","), "always");
    case ".jsonl":
    case ".ndjson":
      return parseJsonLines(text, file);
    case ".json":
      return text.trimStart().startsWith("{") ? parseJsonLines(text, file) : parseJsonArray(text, file);
    case ".txt":
      return parseLines(text);
    default:
      throw new InputError(
        `${file}: the format is told by the ending, which is "${extension}", expected one of ${tableExtensions.join(", ")}.`,
      );
  }
}

function readDelimiter(delimiter: string): string {
  if (delimiter === "\\t") return "\t";
  if (delimiter !== "" && !/["\r\n]/.test(delimiter)) return delimiter;
  throw new InputError(`The delimiter is ${JSON.stringify(delimiter)}, expected text without quotes and line ends.`);
}

function parseLines(text: string): Pick<Table, "columns" | "rows"> {
  const rows: TableRow[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() !== "") rows.push({ line: index + 1, fields: { text: line } });
  }
  return { columns: ["text"], rows };
}
