import { excerpt, InputError } from "../../errors.js";
import { ColumnOfTexts, columnTable } from "./column-table.js";
import { declaredDelimiter, findDelimiter, readDelimiter } from "./delimiter.js";
import { LongList } from "./long-list.js";
import { type DelimitedRecord, type RecordOptions, readRecords } from "./records.js";
import { rowsOfStep, type Steps } from "./steps.js";
import type { Table, TableOptions } from "./table.js";

/**
 * Parses, in steps, delimited text with a header line. LF and CRLF end a line, and blank lines are accepted anywhere; CR alone ends a line
 * where it ends the header, or where rows have the header's number of fields only so. A row that repeats the header, as in files
 * that were put together, is left out and noted.
 *
 * Quotes: a quoted field begins and ends with `"`, may hold delimiters and line ends, and writes a quote as `""`.
 * `form` says when the file is read so:
 * - ".csv": always. A quote elsewhere, or one that is never closed, is an error. The delimiter is found from the header.
 * - ".tsv": where needed, since many TSV files (all of GLUE) know no quoting and hold any number of plain `"`. The
 *   file is read as quoted if its header is quoted, or if it follows the quoting rules from end to end and every quoted
 *   field needs its quotes (it holds a delimiter, a comma, a line end or a quote), as programs that quote write it. In
 *   any other file quotes are ordinary characters and every line is a row.
 *
 * Throws InputError with file and line for a broken quote or a row whose number of fields is not the header's.
 */
export function* parseDelimited(
  text: string,
  file: string,
  form: ".csv" | ".tsv",
  options: TableOptions,
): Steps<Table> {
  const declared = declaredDelimiter(text);
  const body = text.slice(declared?.length ?? 0);
  const given = options.delimiter === undefined ? undefined : readDelimiter(options.delimiter);
  const delimiter = given ?? declared?.delimiter ?? (form === ".csv" ? findDelimiter(body) : "\t");
  const read = function* (carriageReturns: boolean): Steps<Table> {
    const plain = { file, delimiter, carriageReturns, firstLine: declared === undefined ? 1 : 2 };
    return yield* tableOf(body, { ...plain, quotes: form === ".csv" || (yield* isQuoted(body, plain)) }, options);
  };
  if (!/\r(?!\n)/.test(body)) return yield* read(false);
  if (endsInReturn(body)) return yield* read(true);
  try {
    const table = yield* read(false);
    return table.columns.length === 1 ? yield* read(true) : table;
  } catch (error) {
    try {
      return yield* read(true);
    } catch {
      throw error;
    }
  }
}

/** Whether CR alone ends the header, which is the first line with anything in it. */
function endsInReturn(text: string): boolean {
  const [, end = ""] = /^[\r\n]*(?:"[^"]*"|[^"\r\n])*(\r\n|\n|\r)/.exec(text.slice(0, 100_000)) ?? [];
  return end === "\r";
}

/** Whether a file is of a kind that quotes where it must; see `parseDelimited`. */
function* isQuoted(text: string, options: Omit<RecordOptions, "quotes">): Steps<boolean> {
  if (!text.includes('"')) return false;
  const { delimiter } = options;
  const header = text.slice(0, text.search(options.carriageReturns ? /[\r\n]|$/ : /\r?\n|$/)).split(delimiter);
  if (header.every((field) => /^".*"$/.test(field))) return true;
  const needsQuotes = (field = "") => field.includes(delimiter) || /[",\r\n]/.test(field);
  let width: number | undefined;
  let count = 0;
  try {
    for (const { fields, quoted } of readRecords(text, { ...options, quotes: true })) {
      if (++count % rowsOfStep === 0) yield;
      if (isBlank({ fields, quoted })) continue;
      width ??= fields.length;
      if (fields.length !== width || !quoted.every((place) => needsQuotes(fields[place]))) return false;
    }
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
  return true;
}

function isBlank({ fields, quoted }: Pick<DelimitedRecord, "fields" | "quoted">): boolean {
  return fields.length === 1 && fields[0] === "" && quoted.length === 0;
}

function* tableOf(text: string, options: RecordOptions, { blankLines = false }: TableOptions): Steps<Table> {
  const { file } = options;
  let header: readonly string[] | undefined;
  let columns: ColumnOfTexts[] = [];
  const lines = new LongList<number>();
  const repeats: number[] = [];
  for (const record of readRecords(text, options)) {
    const { fields, line } = record;
    const isKept = blankLines && header?.length === 1;
    if (isBlank(record) && !isKept) continue;
    if (header === undefined) {
      header = fields;
      continue;
    }
    if (fields.length !== header.length) throw wrongWidth(record, header, options);
    if (repeatsHeader(fields, header)) {
      repeats.push(line);
      continue;
    }
    if (lines.length === 0) columns = header.map(() => new ColumnOfTexts());
    for (const [place, column] of columns.entries()) column.add(fields[place] ?? "");
    if (lines.push(line) % rowsOfStep === 0) yield;
  }
  if (header === undefined) throw new InputError(`${file} is empty, expected a line of column names.`);
  const cells = columns.map((column) => column.cells);
  return columnTable({ file, columns: header, cells, lines, notes: repeatNotes(repeats) });
}

/** Whether a row is the header once more; a byte order mark may come with it. A single column may well hold its own name. */
function repeatsHeader([first = "", ...others]: readonly string[], header: readonly string[]): boolean {
  if (header.length < 2 || first.replace(/^\uFEFF/, "") !== header[0]) return false;
  return others.every((field, place) => field === header[place + 1]);
}

function repeatNotes(lines: readonly number[]): string[] {
  const [first] = lines;
  if (first === undefined) return [];
  const what = lines.length === 1 ? "1 row repeats the header" : `${lines.length} rows repeat the header`;
  return [
    `${what} (${lines.length === 1 ? "" : "first: "}line ${first}) and ${lines.length === 1 ? "was" : "were"} left out`,
  ];
}

function wrongWidth({ fields, line }: DelimitedRecord, header: readonly string[], { file, delimiter }: RecordOptions) {
  const counted = fields.length === 1 ? "1 field" : `${fields.length} fields`;
  const only =
    header.length === 1 ? ` (${JSON.stringify(excerpt(header[0] ?? ""))}, which has no ${nameOf(delimiter)})` : "";
  return new InputError(`${file}, line ${line}: ${counted}, expected ${header.length} as in the header${only}.`);
}

function nameOf(delimiter: string): string {
  return delimiter === "\t" ? "tab" : JSON.stringify(delimiter);
}
