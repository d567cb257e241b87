import { InputError } from "../../errors.js";
import { columnTable } from "./column-table.js";
import { parseDelimited } from "./delimited.js";
import { formatOf } from "./format.js";
import { parseJsonTable } from "./json.js";
import { type Line, linesOf } from "./lines.js";
import { inOneGo, rowsOfStep, type Steps } from "./steps.js";
import type { Table, TableOptions } from "./table.js";

/** The file name endings of text that are read; .gz may follow. */
export const tableExtensions = [".tsv", ".csv", ".jsonl", ".ndjson", ".json", ".txt"] as const;

/**
 * Parses the text of a file by the ending of its name: .tsv and .csv with a header line (see `parseDelimited`), .jsonl, .ndjson and
 * .json (see `parseJsonTable`), .txt as one column "text" with a row per line; blank ones are rows only where `blankLines` says so.
 * Throws InputError, with the line, for text that breaks the format, and for a file without rows.
 */
export function parseTable(text: string, file: string, options: TableOptions = {}): Table {
  return inOneGo(tableInSteps(text, file, options));
}

/** The same, in steps. */
export function* tableInSteps(text: string, file: string, options: TableOptions): Steps<Table> {
  const content = text.startsWith("\uFEFF") ? text.slice(1) : text;
  return yield* parseByExtension(content, file, options);
}

function* parseByExtension(text: string, file: string, options: TableOptions): Steps<Table> {
  const extension = formatOf(file);
  switch (extension) {
    case ".tsv":
    case ".csv":
      return yield* parseDelimited(text, file, extension, options);
    case ".jsonl":
    case ".ndjson":
    case ".json":
      return yield* parseJsonTable(text, file, options);
    case ".txt":
      return yield* tableOfLines(text, file, options);
    default:
      throw new InputError(
        `${file}: the format is told by the ending, which is "${extension}", expected one of ${[...tableExtensions, ".parquet"].join(", ")}.`,
      );
  }
}

function* tableOfLines(text: string, file: string, { blankLines = false }: TableOptions): Steps<Table> {
  const lines: Line[] = [];
  for (const line of linesOf(text)) {
    if (line.line % rowsOfStep === 0) yield;
    if (blankLines || line.text.trim() !== "") lines.push(line);
  }
  return columnTable({
    file,
    columns: ["text"],
    cells: [lines.map((line) => line.text)],
    lines: lines.map(({ line }) => line),
  });
}
