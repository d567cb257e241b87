import { type ListTable, parseListTable } from "./tables/list-table.js";
import { parseTable } from "./tables/parse-table.js";
import { readTable, readText } from "./tables/read-table.js";
import type { Table } from "./tables/table.js";

/** A data file and which of its columns are what. */
export interface DataSource {
  readonly file: string;
  /** One column of text, or two for pairs; none where columns have the names that are usual for a task. */
  readonly text: readonly string[];
  /** The columns of the label, mostly one; absent where nothing is labelled, and where columns have usual names. */
  readonly label?: readonly string[] | undefined;
  /** Only the first rows count, in the order of the file. */
  readonly limit?: number | undefined;
  /** What separates fields, where the file's ending does not say it. */
  readonly delimiter?: string | undefined;
  /** The file as a table, read once. */
  table(): Promise<Table>;
  /** The file as a table with the lists that rows of JSON have, read once. */
  listTable(): Promise<ListTable>;
  /** The file's text, read once. */
  content(): Promise<string>;
}

export interface DataSourceOptions {
  readonly text?: readonly string[] | undefined;
  readonly label?: readonly string[] | undefined;
  readonly limit?: number | undefined;
  readonly delimiter?: string | undefined;
}

/** A file of the file system as a source of data; it is read when it is first asked for. */
export function dataSource(file: string, { text = [], label, limit, delimiter }: DataSourceOptions): DataSource {
  const options = delimiter === undefined ? {} : { delimiter };
  const content = once(() => readText(file));
  return {
    file,
    text,
    label,
    limit,
    delimiter,
    table: once(() => readTable(file, options)),
    listTable: once(async () => parseListTable(await content(), file, options)),
    content,
  };
}

/** A text as a source of data, in the format that the ending of `file` says; messages call it by that name. */
export function textSource(content: string, file: string, { text = [] }: Pick<DataSourceOptions, "text">): DataSource {
  return {
    file,
    text,
    table: once(async () => parseTable(content, file)),
    listTable: once(async () => parseListTable(content, file)),
    content: async () => content,
  };
}

/** Does work when it is first asked for, and gives the same result from then on. */
function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
