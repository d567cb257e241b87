import { buildLabelMap, type LabelMap } from "./labels.js";
import type { DataSource } from "./source.js";
import { requireColumn, requireField, type Table } from "./tables/table.js";

/** One text or pair of texts; `label` is a class id, or the number to predict in regression. */
export interface Example {
  readonly text: string;
  readonly textPair?: string;
  readonly label?: number;
}

export interface ExampleColumns {
  /** One column of text, or two for pairs. */
  readonly text: readonly string[];
  /** Without it the examples have no label, as for prediction. */
  readonly label?: string | undefined;
  /** Take the first rows only, in the order of the file. */
  readonly limit?: number | undefined;
}

/** The classes of a table's label column; see `buildLabelMap`. */
export function labelMapOfTable(table: Table, labelColumn: string): LabelMap {
  requireColumn(table, labelColumn);
  return buildLabelMap(
    table.rows.map((row) => requireField(table, row, labelColumn)),
    table.file,
  );
}

/**
 * The examples in a table's rows, in order.
 * @param parseLabel the number that a label stands for; throws InputError for a label that is none
 * @throws InputError for a column that is not there (naming those that are) or a row without text or label, with file and
 * line.
 */
export function readExamples(
  table: Table,
  { text, label: labelColumn, limit }: ExampleColumns,
  parseLabel: (label: string, file: string, line: number) => number,
): Example[] {
  const [textColumn = "", pairColumn] = text;
  for (const column of [...text, ...(labelColumn === undefined ? [] : [labelColumn])]) requireColumn(table, column);
  return table.rows.slice(0, limit).map((row) => ({
    ...(labelColumn === undefined
      ? {}
      : { label: parseLabel(requireField(table, row, labelColumn), table.file, row.line) }),
    text: requireField(table, row, textColumn),
    ...(pairColumn === undefined ? {} : { textPair: requireField(table, row, pairColumn) }),
  }));
}

/** The examples of a source with one column of labels; see `readExamples`. */
export async function readLabelled(
  source: DataSource,
  parseLabel: (label: string, file: string, line: number) => number,
): Promise<Example[]> {
  return readExamples(await source.table(), { ...source, label: source.label?.[0] }, parseLabel);
}

/** The texts of a source, or pairs of texts; see `readExamples`. */
export async function readTexts({ text, limit, ...source }: DataSource): Promise<Example[]> {
  return readExamples(await source.table(), { text, limit }, () => 0);
}
