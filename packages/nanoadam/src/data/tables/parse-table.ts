import { InputError } from "../../errors.js";
import { parseDelimited } from "./delimited.js";
import { parseJsonRows, tableOfJson } from "./json.js";
import type { Table, TableOptions, TableRow } from "./table.js";

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

function parseByExtension(text: string, file: string, options: TableOptions): Pick<Table, "columns" | "rows"> {
  const extension = /\.\w+$/.exec(file)?.[0].toLowerCase() ?? "";
  switch (extension) {
    case ".tsv":
      return parseDelimited(text, file, readDelimiter(options.delimiter ?? "\t"), "where needed");
    case ".csv":
      return parseDelimited(text, file, readDelimiter(options.delimiter ?? ","), "always");
    case ".jsonl":
    case ".ndjson":
    case ".json":
      return tableOfJson(parseJsonRows(text, file));
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
