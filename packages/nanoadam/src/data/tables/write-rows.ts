/** Rows of a table as lines of a file, in the format that its ending says. */
import { stringify } from "csv-stringify/sync";
import { InputError } from "../../errors.js";

export interface RowFormat {
  /** What stands above the rows, if anything. */
  header(columns: readonly string[]): string;
  /** A row, from its values in the order of the columns; one that is undefined is a field that the row lacks. */
  row(columns: readonly string[], values: readonly unknown[]): string;
}

const jsonLines: RowFormat = {
  header: () => "",
  row(columns, values) {
    const fields = columns.flatMap((column, place) => {
      const value = values[place];
      return value === undefined ? [] : [`${JSON.stringify(column)}:${jsonOf(value)}`];
    });
    return `{${fields.join(",")}}\n`;
  },
};

const formats: Readonly<Record<string, RowFormat>> = {
  ".csv": delimited(","),
  ".tsv": delimited("\t"),
  ".jsonl": jsonLines,
  ".ndjson": jsonLines,
};

/** @throws InputError for an ending that is not known. */
export function rowFormatOf(file: string): RowFormat {
  const extension = /\.\w+$/.exec(file)?.[0].toLowerCase() ?? "";
  const format = Object.hasOwn(formats, extension) ? formats[extension] : undefined;
  if (format !== undefined) return format;
  throw new InputError(
    `${file}: the format is told by the ending, which is "${extension}", expected one of ${Object.keys(formats).join(", ")}.`,
  );
}

/** A name for a new column that none of the others has. */
export function freeColumn(name: string, taken: readonly string[]): string {
  for (let free = name, count = 1; ; count++) {
    if (!taken.includes(free)) return free;
    free = free === name ? `predicted_${name}` : `predicted_${name}_${count}`;
  }
}

/** A number of a file as it is spelled there, which may have more digits than JavaScript keeps. */
export class SpelledNumber {
  constructor(readonly text: string) {}
}

function delimited(delimiter: string): RowFormat {
  const line = (fields: readonly string[]) =>
    stringify([fields], { delimiter, record_delimiter: "\n", quoted_match: /\r/ });
  return { header: line, row: (_, values) => line(values.map(textOf)) };
}

/** A value as a field of text; lists and objects as JSON. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (value instanceof SpelledNumber) return value.text;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function jsonOf(value: unknown): string {
  return value instanceof SpelledNumber ? value.text : JSON.stringify(value);
}
