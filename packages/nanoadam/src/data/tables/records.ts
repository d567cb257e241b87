/** Delimited text as records of fields: one pass, whatever the length of a line and the number of its fields. */
import { InputError } from "../../errors.js";
import { finder, firstOf } from "./finder.js";

export interface DelimitedRecord {
  /** The line on which it begins. */
  readonly line: number;
  readonly fields: readonly string[];
  /** Which fields stood in quotes. */
  readonly quoted: readonly number[];
}

export interface RecordOptions {
  readonly file: string;
  readonly delimiter: string;
  /** Whether a field may stand in quotes; else a quote is a character as any other. */
  readonly quotes: boolean;
  /** Whether CR alone ends a line, as LF and CRLF always do. */
  readonly carriageReturns: boolean;
  /** The line of the text's first character. */
  readonly firstLine: number;
}

/** No table has more columns; where a file of one long line is taken for a table, memory would not end. */
const mostFields = 1_000_000;

/**
 * The records of a text, blank lines included: a blank line is one empty field. A quoted field begins and ends with `"`, may hold
 * delimiters and line ends, and writes a quote as `""`.
 * @throws InputError, with the line on which the record begins, for a quote elsewhere and one that is never closed.
 */
export function* readRecords(text: string, options: RecordOptions): Generator<DelimitedRecord> {
  const { file, delimiter, quotes, carriageReturns, firstLine } = options;
  const nextDelimiter = finder(text, delimiter);
  const nextQuote = quotes ? finder(text, '"') : () => text.length;
  const nextLineEnd = carriageReturns ? firstOf(finder(text, "\n"), finder(text, "\r")) : finder(text, "\n");
  let position = 0;
  let line = firstLine;

  while (position < text.length) {
    const begin = line;
    const fields: string[] = [];
    const quoted: number[] = [];
    const refuse = (fault: string): never => {
      throw new InputError(`${file}, in the row that begins on line ${begin}: ${fault}.`);
    };
    for (let isOpen = true; isOpen; ) {
      if (fields.length === mostFields) refuse(`more than ${mostFields} fields`);
      let end: number;
      if (quotes && text[position] === '"') {
        const closing = closingQuote(text, position) ?? refuse("a quoted field is never closed");
        const content = text.slice(position + 1, closing);
        quoted.push(fields.length);
        fields.push(content.includes('"') ? content.replaceAll('""', '"') : content);
        line += countLineEnds(content, carriageReturns);
        end = closing + 1;
      } else {
        end = Math.min(nextDelimiter(position), nextLineEnd(position));
        if (nextQuote(position) < end) {
          refuse('a quote inside a field without quotes, expected the field in quotes and the quote as ""');
        }
        const isLast = end === text.length || !text.startsWith(delimiter, end);
        fields.push(text.slice(position, isLast && end > position && text[end - 1] === "\r" ? end - 1 : end));
      }
      if (text.startsWith(delimiter, end)) {
        position = end + delimiter.length;
        // A delimiter at the very end of the text begins one more field, which is empty.
        if (position === text.length) {
          fields.push("");
          isOpen = false;
        }
        continue;
      }
      if (end < text.length && lineEndAt(text, end, carriageReturns) === 0) {
        refuse('a quote inside a quoted field, expected it as ""');
      }
      position = end + lineEndAt(text, end, carriageReturns);
      line++;
      isOpen = false;
    }
    yield { line: begin, fields, quoted };
  }
}

/** Where the quoted field that begins at `start` ends; undefined where it does not. */
function closingQuote(text: string, start: number): number | undefined {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return undefined;
    if (text[quote + 1] !== '"') return quote;
    from = quote + 2;
  }
}

/** How many characters at a place end a line: none, one or two. */
function lineEndAt(text: string, place: number, carriageReturns: boolean): number {
  if (text[place] === "\n") return 1;
  if (text[place] !== "\r") return 0;
  if (text[place + 1] === "\n") return 2;
  return carriageReturns || place + 1 === text.length ? 1 : 0;
}

function countLineEnds(content: string, carriageReturns: boolean): number {
  if (!content.includes("\n") && !content.includes("\r")) return 0;
  return content.match(carriageReturns ? /\r\n|\n|\r/g : /\n/g)?.length ?? 0;
}
