import { CsvError, parse } from "csv-parse/sync";
import { InputError } from "../../errors.js";
import type { Table, TableRow } from "./table.js";

interface Field {
  readonly text: string;
  readonly quoted: boolean;
}

interface DelimitedRecord {
  readonly line: number;
  readonly fields: readonly Field[];
}

/**
 * Parses delimited text with a header line. LF and CRLF line ends and blank lines are accepted anywhere.
 *
 * Quotes: a quoted field begins and ends with `"`, may hold delimiters and line ends, and writes a quote as `""`.
 * `quoting` says when the file is read so:
 * - "always", for CSV. A quote elsewhere, or one that is never closed, is an error.
 * - "where needed", for TSV, since many TSV files (all of GLUE) know no quoting and hold any number of plain `"`. The
 *   file is read as quoted if its header is quoted, or if it follows the quoting rules from end to end and every quoted
 *   field needs its quotes (it holds a delimiter, a line end or a quote), as programs that quote write it. In
 *   any other file quotes are ordinary characters and every line is a row.
 *
 * Throws InputError with file and line for a broken quote or a row whose number of fields is not the header's.
 */
export function parseDelimited(
  text: string,
  file: string,
  delimiter: string,
  quoting: "always" | "where needed",
): Pick<Table, "columns" | "rows"> {
  const records =
    quoting === "always"
      ? parseQuoted(text, file, delimiter)
      : (parseWhereQuoted(text, file, delimiter) ?? parseUnquoted(text, delimiter));
  const [header, ...body] = records;
  if (!header) throw new InputError(`${file} is empty, expected a line of column names.`);
  const columns = header.fields.map((field) => field.text);
  return { columns, rows: body.map((record) => toRow(record, columns, file)) };
}

function toRow({ line, fields }: DelimitedRecord, columns: readonly string[], file: string): TableRow {
  if (fields.length !== columns.length) {
    const counted = fields.length === 1 ? "1 field" : `${fields.length} fields`;
    throw new InputError(`${file}, line ${line}: ${counted}, expected ${columns.length} as in the header.`);
  }
  return { line, fields: Object.fromEntries(columns.map((column, index) => [column, fields[index]?.text ?? ""])) };
}

function parseUnquoted(text: string, delimiter: string): DelimitedRecord[] {
  const records: DelimitedRecord[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    records.push({ line: index + 1, fields: line.split(delimiter).map((field) => ({ text: field, quoted: false })) });
  }
  return records;
}

/** The records if this is a file of a kind that quotes (see `parseDelimited`), else undefined. */
function parseWhereQuoted(text: string, file: string, delimiter: string): DelimitedRecord[] | undefined {
  if (!text.includes('"')) return undefined;
  const header = text.slice(0, text.search(/\r?\n|$/)).split(delimiter);
  if (header.every((field) => /^".*"$/.test(field))) return parseQuoted(text, file, delimiter);
  let records: DelimitedRecord[];
  try {
    records = parseQuoted(text, file, delimiter);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
  const width = records[0]?.fields.length;
  const needsQuotes = (field: string) => field.includes(delimiter) || /["\r\n]/.test(field);
  const isQuoted = records.every(
    ({ fields }) => fields.length === width && fields.every((field) => !field.quoted || needsQuotes(field.text)),
  );
  return isQuoted ? records : undefined;
}

function parseQuoted(text: string, file: string, delimiter: string): DelimitedRecord[] {
  const bytes = new TextEncoder().encode(text);
  const lines = new LineCounter(bytes);
  const records: DelimitedRecord[] = [];
  let fields: Field[] = [];
  try {
    parse(bytes, {
      delimiter,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      skip_empty_lines: true,
      cast: (text, { quoting }) => {
        fields.push({ text, quoted: quoting });
        return text;
      },
      on_record: (_, context) => {
        records.push({ line: lines.recordLine(), fields });
        fields = [];
        lines.moveTo(context.bytes);
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const fault = quoteFaults[error.code] ?? error.message;
    throw new InputError(`${file}, in the row that begins on line ${lines.recordLine()}: ${fault}.`);
  }
  return records;
}

const quoteFaults: Readonly<Record<string, string>> = {
  INVALID_OPENING_QUOTE: 'a quote inside a field without quotes, expected the field in quotes and the quote as ""',
  CSV_INVALID_CLOSING_QUOTE: 'a quote inside a quoted field, expected it as ""',
  CSV_QUOTE_NOT_CLOSED: "a quoted field is never closed",
};

/** The line on which the record at a place in the text begins; csv-parse's own count takes CRLF in a field as two. */
class LineCounter {
  #position = 0;
  #line = 1;

  constructor(readonly bytes: Uint8Array) {}

  /** The line of the next record: blank lines before it are skipped. */
  recordLine(): number {
    let position = this.#position;
    while (this.bytes[position] === 0x0a || this.bytes[position] === 0x0d) position++;
    this.moveTo(position);
    return this.#line;
  }

  moveTo(position: number): void {
    for (let i = this.#position; i < position; i++) if (this.bytes[i] === 0x0a) this.#line++;
    this.#position = position;
  }
}
