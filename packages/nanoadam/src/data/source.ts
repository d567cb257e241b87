import { InputError } from "../errors.js";
import { datasetReference } from "../hub/reference.js";
import { hubSettings } from "../hub/settings.js";
import { fetchData } from "../hub/snapshot.js";
import { formatOf } from "./tables/format.js";
import { parseTable } from "./tables/parse-table.js";
import { readTable, readText } from "./tables/read-table.js";
import { tableOfRows } from "./tables/rows.js";
import type { Table, TableOptions } from "./tables/table.js";

/** A row of data that a program has at hand: values by column, nested or not, as in a row of a JSON file. */
export type Row = object;

/** Data, and which of its columns are what. */
export interface DataSource {
  /** The file; for rows of a program the option that has them, in backticks. */
  readonly file: string;
  /** The ending of the file's name that tells its format; "rows" for rows of a program. */
  readonly format: string;
  /** One column of text, or two for pairs; none where columns have the names that are usual for a task. */
  readonly text: readonly string[];
  /** The columns of the label, mostly one; absent where nothing is labelled, and where columns have usual names. */
  readonly label?: readonly string[] | undefined;
  /** Only the first rows count, in the order of the file. */
  readonly limit?: number | undefined;
  /** What separates fields, where the file's ending does not say it. */
  readonly delimiter?: string | undefined;
  /** Columns whose lists and objects count, besides those that are named; see `TableOptions`. Absent where they count nowhere. */
  readonly nested?: readonly string[] | undefined;
  /** The data as a table, read once. */
  table(): Promise<Table>;
  /** The file's text, read once. */
  content(): Promise<string>;
  /** What was left out of the table, or read otherwise than it stands, in sentences; none where no table was read. */
  notes(): Promise<readonly string[]>;
}

export interface DataSourceOptions {
  /** Columns as they are given: a name with a comma is one column where the data have it, else several; see `openDataSource`. */
  readonly text?: readonly string[] | undefined;
  readonly label?: readonly string[] | undefined;
  readonly limit?: number | undefined;
  readonly delimiter?: string | undefined;
  /** Whether a blank line is an empty text, where a file has one column; by default it is nothing. */
  readonly blankLines?: boolean | undefined;
  readonly nested?: readonly string[] | undefined;
}

/**
 * A file, or rows of a program, as a source of data. A column that is named with a comma is one column where the data have it, else
 * the columns between the commas; only then are the data read at once.
 * `hf://datasets/org/name/file` is a file of the Hugging Face Hub.
 * @param option the option that gives the data
 */
export async function openDataSource(
  data: string | Iterable<Row>,
  option: string,
  { text = [], label, ...options }: DataSourceOptions,
): Promise<DataSource> {
  const given = [...text, ...(label ?? [])];
  const source = sourceOf(typeof data === "string" ? await locateData(data) : data, option, {
    ...options,
    text: given.flatMap(withParts),
    label: label?.flatMap(withParts),
  });
  const columns = given.some((column) => column.includes(",")) ? await columnsOf(source) : [];
  const resolve = (names: readonly string[]) =>
    names.flatMap((name) => (columns.includes(name) ? [name] : name.split(",")));
  return { ...source, text: resolve(text), label: label && resolve(label) };
}

/** A file as it is named, or where it is in the cache of the Hub. */
async function locateData(file: string): Promise<string> {
  const found = datasetReference(file);
  return found === undefined ? file : fetchData(found.dataset, found.file, await hubSettings());
}

/** A file of the file system as a source of data, its columns as they are named; it is read when it is first asked for. */
export function dataSource(file: string, options: DataSourceOptions): DataSource {
  return sourceOf(file, file, options);
}

function sourceOf(
  data: string | Iterable<Row>,
  option: string,
  { text = [], label, limit, delimiter, blankLines, nested }: DataSourceOptions,
): DataSource {
  const columns = { text, label, limit, delimiter, nested };
  const asked = [...text, ...(label ?? [])];
  const kept = nested && [...nested, ...asked];
  const options: TableOptions = { asked, limit, labels: label, delimiter, blankLines, nested: kept };
  if (typeof data === "string") {
    const content = once(() => readText(data));
    return { ...columns, file: data, format: formatOf(data), content, ...tableOnce(() => readTable(data, options)) };
  }
  const file = `\`${option}\``;
  return {
    ...columns,
    file,
    format: "rows",
    ...tableOnce(async () => tableOfRows(data, file, options)),
    async content() {
      throw new InputError(`${file} has rows, expected a file of text`);
    },
  };
}

/** The columns of a source; none where it cannot be read as a table, which whoever reads it will say. */
async function columnsOf(source: DataSource): Promise<readonly string[]> {
  try {
    return (await source.table()).columns;
  } catch (error) {
    if (error instanceof InputError) return [];
    throw error;
  }
}

/** A name, and what is between its commas. */
function withParts(name: string): string[] {
  return name.includes(",") ? [name, ...name.split(",")] : [name];
}

/** A table that is read when it is first asked for, and what it notes from then on, with the name of its file. */
function tableOnce(read: () => Promise<Table>): Pick<DataSource, "table" | "notes"> {
  let table: Promise<Table> | undefined;
  return {
    table() {
      table ??= read();
      return table;
    },
    async notes() {
      const { file, notes } = (await table) ?? { file: "", notes: [] };
      return notes.map((note) => `${file}: ${note}`);
    },
  };
}

/** A text as a source of data, in the format that the ending of `file` says; messages call it by that name. */
export function textSource(content: string, file: string, { text = [] }: Pick<DataSourceOptions, "text">): DataSource {
  return {
    file,
    text,
    format: formatOf(file),
    ...tableOnce(async () => parseTable(content, file, { asked: text, blankLines: true })),
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
