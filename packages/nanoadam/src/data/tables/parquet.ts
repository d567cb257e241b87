/** Parquet files as tables, read a group of rows at a time. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { excerpt, InputError } from "../../errors.js";
import { isObject } from "../../files/json-value.js";
import { ObjectRows } from "./object-rows.js";
import type { Table, TableOptions } from "./table.js";

type Metadata = Awaited<ReturnType<typeof parquetMetadataAsync>>;

/**
 * Reads a Parquet file. Of rows after `limit` the columns of labels alone are read. Ids of classes whose names the file's Hugging
 * Face features say become these names.
 * @throws InputError for a file that is damaged or has no rows.
 */
export async function readParquet(path: string, options: TableOptions): Promise<Table> {
  const { limit, labels = [] } = options;
  const rows = new ObjectRows(path, options);
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    const names = classNames(metadata);
    let line = 1;
    for (const { start, end, columns } of pieces(metadata, limit ?? Number.POSITIVE_INFINITY, labels)) {
      const rowsWanted = { rowStart: start, rowEnd: end, ...columns };
      // Bytes that the file does not call text may be none; `ObjectRows` looks at them.
      const read = await parquetReadObjects({ file, metadata, compressors, utf8: false, ...rowsWanted });
      for (const row of read) rows.add(line++, named(row, names));
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`The data file ${path} could not be read as Parquet: ${excerpt(reason, 160)}.`);
  }
  return rows.table();
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly columns: { readonly columns?: string[] };
}

/** Rows that are read together: those of one group, but cut at the limit. */
function* pieces(metadata: Metadata, limit: number, labels: readonly string[]): Generator<Piece> {
  const fields = new Set(topLevelColumns(metadata));
  const onlyLabels = [...new Set(labels.map((label) => (fields.has(label) ? label : (label.split(".")[0] ?? ""))))];
  const known = onlyLabels.filter((label) => fields.has(label));
  let first = 0;
  for (const group of metadata.row_groups) {
    const last = first + Number(group.num_rows);
    const wanted = Math.min(last, Math.max(first, limit));
    if (wanted > first) yield { start: first, end: wanted, columns: {} };
    if (last > wanted && known.length > 0) yield { start: wanted, end: last, columns: { columns: known } };
    first = last;
  }
}

function topLevelColumns({ schema }: Metadata): string[] {
  const columns: string[] = [];
  // The schema is a tree, written down depth first: a node says how many nodes it has below it.
  let place = 1;
  const skip = (): void => {
    const children = schema[place]?.num_children ?? 0;
    place++;
    for (let child = 0; child < children; child++) skip();
  };
  while (place < schema.length) {
    columns.push(schema[place]?.name ?? "");
    skip();
  }
  return columns;
}

/** The names of classes by column, from the description that the library `datasets` leaves in a file. */
function classNames({ key_value_metadata: entries = [] }: Metadata): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const text = entries.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return found;
  let description: unknown;
  try {
    description = JSON.parse(text);
  } catch {
    return found;
  }
  const info = isObject(description) ? description.info : undefined;
  const features = isObject(info) ? info.features : undefined;
  for (const [column, feature] of Object.entries(isObject(features) ? features : {})) {
    const names =
      namesOf(feature) ??
      (Array.isArray(feature) ? namesOf(feature[0]) : isObject(feature) ? namesOf(feature.feature) : undefined);
    if (names !== undefined) found.set(column, names);
  }
  return found;
}

function namesOf(feature: unknown): readonly string[] | undefined {
  if (!isObject(feature) || feature._type !== "ClassLabel" || !Array.isArray(feature.names)) return undefined;
  return feature.names.every((name) => typeof name === "string") ? feature.names : undefined;
}

/** A row with names of classes for their ids; -1 is how `datasets` writes that there is none. */
function named(row: Readonly<Record<string, unknown>>, names: ReadonlyMap<string, readonly string[]>) {
  if (names.size === 0) return row;
  const values: Record<string, unknown> = { ...row };
  for (const [column, known] of names) {
    const nameOf = (id: unknown) => (Number(id) === -1 ? null : (known[Number(id)] ?? id));
    const value = values[column];
    if (Array.isArray(value)) values[column] = value.map(nameOf);
    else if (value !== undefined && value !== null) values[column] = nameOf(value);
  }
  return values;
}
