/** The labels of examples that may have several, or none. */
import { InputError } from "../errors.js";
import type { DataSource } from "./source.js";
import { placeOf } from "./tables/place.js";
import { listOf, requireColumn, requireField, type Table } from "./tables/table.js";

/** The labels of one row. */
export interface LabelSet {
  readonly labels: readonly string[];
  readonly line: number;
}

/**
 * The labels of each row of a source. Several columns of labels have 1 where a row has the label that the column is called,
 * and 0 where not. One column has a list (in JSON), or text with `|` between labels, or with commas where no row of the file
 * has a `|`; text in brackets, as programs print lists, is that list. An empty list or field is no label.
 * @throws InputError with file and line for fields that say neither.
 */
export async function readLabelSets(source: DataSource): Promise<LabelSet[]> {
  const table = await source.table();
  const columns = (source.label ?? []).map((column) => requireColumn(table, column));
  const repeated = columns.find((column, index) => columns.indexOf(column) !== index);
  if (repeated !== undefined) throw new InputError(`\`label\` names the column "${repeated}" twice`);
  const [only = ""] = columns;
  return columns.length > 1 ? setsOfColumns(table, columns) : setsOfField(table, only);
}

function setsOfColumns(table: Table, columns: readonly string[]): LabelSet[] {
  return table.rows.map((row) => {
    const labels = columns.filter((column) => {
      const field = requireField(table, row, column).trim();
      const isSet = indicators.get(field.toLowerCase());
      if (isSet !== undefined) return isSet;
      throw new InputError(`${placeOf(table.file, row.line)}: "${column}" is "${field}", expected 1 or 0.`);
    });
    return { labels, line: row.line };
  });
}

const indicators: ReadonlyMap<string, boolean> = new Map([
  ["1", true],
  ["1.0", true],
  ["true", true],
  ["0", false],
  ["0.0", false],
  ["false", false],
]);

function setsOfField(table: Table, column: string): LabelSet[] {
  const found = table.rows.map((row) => listOf(table, row, column) ?? requireField(table, row, column));
  const separator = found.some((labels) => typeof labels === "string" && labels.includes("|")) ? "|" : ",";
  return table.rows.map(({ line }, index) => {
    const labels = found[index] ?? "";
    return { labels: [...new Set(typeof labels === "string" ? splitLabels(labels, separator) : labels)], line };
  });
}

/** The labels in a text; those of a list as a program prints it may be in quotes. */
export function splitLabels(text: string, separator: string): string[] {
  const bracketed = /^\s*\[(.*)\]\s*$/s.exec(text)?.[1];
  const labels = (bracketed ?? text).split(bracketed === undefined ? separator : ",").map((label) => label.trim());
  const bare = bracketed === undefined ? labels : labels.map((label) => /^(["'])(.*)\1$/s.exec(label)?.[2] ?? label);
  return bare.filter((label) => label !== "");
}
