import { readTable } from "./tables/read-table.js";
import type { Table } from "./tables/table.js";

/** A data file and which of its columns are what. */
export interface DataSource {
  readonly file: string;
  /** One column of text, or two for pairs. */
  readonly text: readonly string[];
  /** The column of the label; absent where nothing is labelled. */
  readonly label?: string | undefined;
  /** Only the first rows count, in the order of the file. */
  readonly limit?: number | undefined;
  /** The file as a table, read once. */
  table(): Promise<Table>;
}

export interface DataSourceOptions {
  readonly text: readonly string[];
  readonly label?: string | undefined;
  readonly limit?: number | undefined;
  readonly delimiter?: string | undefined;
}

/** A file of the file system as a source of data; it is read when its table is first asked for. */
export function dataSource(file: string, { delimiter, ...columns }: DataSourceOptions): DataSource {
  let table: Promise<Table> | undefined;
  return {
    file,
    ...columns,
    table() {
      table ??= readTable(file, delimiter === undefined ? {} : { delimiter });
      return table;
    },
  };
}
