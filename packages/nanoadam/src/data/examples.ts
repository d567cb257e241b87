import { buildLabelMap, type LabelMap, regressionLabel } from "./labels.js";
import { requireColumn, requireField, type Table } from "./tables/table.js";

/** One text or pair of texts; `label` is a class id, or the number to predict in regression. */
export interface Example {
  readonly line: number;
  readonly text: string;
  readonly textPair?: string;
  readonly label?: number;
}

export interface ExampleOptions {
  readonly textColumns: readonly [string] | readonly [string, string];
  /** Without it the examples have no label, as for prediction. */
  readonly labelColumn?: string | undefined;
  readonly task: "classification" | "regression";
  /** The classes; if not given, those of the table's label column (of all its rows, whatever the limit). */
  readonly labels?: LabelMap | undefined;
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
 * The examples in a table's rows, in order. Throws InputError for a column that is not there (naming those that are), a
 * row without text or label, an unknown class, and a regression label that is not a number, each with file and line.
 */
export function readExamples(table: Table, options: ExampleOptions): Example[] {
  const { textColumns, labelColumn, task, limit } = options;
  for (const column of textColumns) requireColumn(table, column);
  if (labelColumn !== undefined) requireColumn(table, labelColumn);
  const labels =
    labelColumn !== undefined && task === "classification"
      ? (options.labels ?? labelMapOfTable(table, labelColumn))
      : undefined;
  const [textColumn, pairColumn] = textColumns;
  return table.rows.slice(0, limit).map((row) => {
    const label = labelColumn === undefined ? undefined : requireField(table, row, labelColumn);
    return {
      line: row.line,
      text: requireField(table, row, textColumn),
      ...(pairColumn === undefined ? {} : { textPair: requireField(table, row, pairColumn) }),
      ...(label === undefined
        ? {}
        : { label: labels?.id(label, table.file, row.line) ?? regressionLabel(label, table.file, row.line) }),
    };
  });
}
